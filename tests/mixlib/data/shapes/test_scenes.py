"""The generated world is deterministic, balanced, correctly labeled, and cheap."""

from dataclasses import replace

import numpy as np
import pytest

from mixlib.data.shapes.scenes import (
    CLASS_NAMES,
    SPLITS,
    Shapes,
    class_names,
    render,
    render_split,
)

SMALL = Shapes(train=30, val=10, size=32)
SCENES = Shapes(train=24, val=8, size=96, objects=(2, 6), radius=(0.09, 0.2), crowd=0.3, least=2)


def test_same_seed_same_bytes_and_other_seed_other_bytes():
    first, labels = render_split(SMALL, "train")
    again, _ = render_split(SMALL, "train")
    other, _ = render_split(replace(SMALL, seed=1), "train")
    assert first.tobytes() == again.tobytes()
    assert (first != other).mean() > 0.9
    assert first.shape == (30, 32, 32, 3)
    assert labels.tolist() == [i % 10 for i in range(30)]


def test_an_image_depends_on_its_place_only():
    images, _ = render_split(SMALL, "train")
    longer = replace(SMALL, train=500)
    assert np.array_equal(render(longer, "train", 17).image, images[17])
    assert not np.array_equal(render(SMALL, "val", 7).image, images[7])


def test_drawing_leaves_the_global_generators_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    render(SCENES, "train", 0)
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize("index", range(SCENES.train))
def test_boxes_are_tight_around_masks_and_masks_do_not_meet(index):
    scene = render(SCENES, "train", index)
    covered = np.zeros((SCENES.size, SCENES.size), int)
    for thing in scene.things:
        x0, y0, x1, y1 = thing.box
        covered += thing.mask
        assert thing.mask[y0:y1, x0:x1].sum() == thing.mask.sum() > 0
        for edge in (thing.mask[y0], thing.mask[y1 - 1], thing.mask[:, x0], thing.mask[:, x1 - 1]):
            assert edge.any()
        assert 0 <= thing.label < 10
        assert not thing.crowd or thing.difficult
        assert thing.truncated == (min(x0, y0) == 0 or max(x1, y1) == SCENES.size)
    assert covered.max(initial=0) <= 1


def test_scenes_hold_about_four_objects_some_of_them_hard():
    things = [thing for i in range(24) for thing in render(SCENES, "train", i).things]
    assert 3 < len(things) / 24 < 5.5
    assert any(thing.crowd for thing in things)
    assert any(thing.truncated for thing in things)


def test_classification_images_show_one_labeled_object_of_their_class():
    for index in range(20):
        scene = render(SMALL, "train", index)
        assert [thing.label for thing in scene.things] == [scene.label]


def test_objects_anywhere_spread_over_the_frame():
    spec = Shapes(train=60, size=32, radius=(0.2, 0.25), anywhere=True)
    boxes = np.array([render(spec, "train", i).things[0].box for i in range(60)])
    centers = (boxes[:, :2] + boxes[:, 2:]) / 2
    assert (centers.max(0) - centers.min(0) > 0.5 * 32).all()


def test_shown_cues_decide_what_an_object_looks_like():
    """A shown hue colors every object of a class alike; a hidden one does not."""

    def spread(hue):
        spec = Shapes(train=60, size=32, outline=1.0, surface=1.0, hue=hue, mark=0.0, noise=0.0)
        scenes = [render(spec, "train", i) for i in range(60)]
        colors = np.array([s.image[s.things[0].mask].mean(0) / s.image.mean() for s in scenes])
        return np.mean([colors[c::10].std(0) for c in range(10)])

    assert spread(1.0) < 0.6 * spread(0.0)


@pytest.mark.parametrize(
    "field",
    [
        {"classes": 1},
        {"train": -1},
        {"size": 8},
        {"objects": (2, 1)},
        {"radius": (0.0, 0.2)},
        {"hue": 1.5},
        {"decoy": -0.1},
        {"least": 5},
    ],
)
def test_senseless_specifications_are_refused(field):
    with pytest.raises(ValueError, match="found"):
        Shapes(**field)


def test_unknown_splits_and_images_are_refused():
    with pytest.raises(ValueError, match=f"{SPLITS[0]}"):
        render(SMALL, "training", 0)
    with pytest.raises(IndexError, match="0 to 29"):
        render(SMALL, "train", 30)


def test_classes_beyond_the_looks_have_names_of_their_own():
    names = class_names(25)
    assert len(set(names)) == 25
    assert names[:10] == CLASS_NAMES
    spec = Shapes(train=25, size=16, classes=25)
    assert [render(spec, "train", i).label for i in range(25)] == list(range(25))
