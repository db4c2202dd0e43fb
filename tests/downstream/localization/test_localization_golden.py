"""Do our counts equal those of the published MaxBoxAccV2 evaluator, and would mistakes be seen?"""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from downstream.localization import boxes, maps, max_box_acc

PACKAGE = "downstream.localization"
FOLDER = Path(boxes.__file__).parent


@pytest.fixture(scope="module")
def recorded(golden):
    return golden("evaluation/wsol_maxboxacc")


def cams(recorded):
    return [*recorded["cams14"], *recorded["cams7"]]


def true_boxes(recorded):
    index = recorded["gt_image_index"]
    return [recorded["gt_boxes_224"][index == i] for i in range(index.max() + 1)]


def counts(recorded, steps=1000):
    """Images found [metric, delta, threshold] by the modules as they are imported now."""
    judge = importlib.import_module(f"{PACKAGE}.max_box_acc")
    grays = importlib.import_module(f"{PACKAGE}.maps")
    gray = [grays.gray_levels(cam, 224) for cam in cams(recorded)]
    found = judge.evaluate(gray, true_boxes(recorded), judge.shares(steps))
    return np.stack([found.correct(found.all), found.correct(found.largest)]), found


def test_every_count_at_every_threshold_is_the_reference(recorded):
    (v2, v1), found = counts(recorded)
    np.testing.assert_array_equal(v2, recorded["v2_num_correct"])
    np.testing.assert_array_equal(v1, recorded["v1_num_correct"])
    for ours, name in ((found.all, "v2"), (found.largest, "v1")):
        np.testing.assert_allclose(ours[:, ::10], recorded[f"{name}_best_iou_every10"], atol=1e-7)


def test_a_hundred_thresholds_as_in_the_stand_alone_evaluation(recorded):
    v2, v1 = counts(recorded, 100)[0]
    np.testing.assert_array_equal(v2, recorded["v2_tau01_num_correct"])
    np.testing.assert_array_equal(v1, recorded["v1_tau01_num_correct"])


def test_the_reported_metrics_are_the_reference(recorded):
    metrics = counts(recorded)[1].metrics()
    assert metrics["MaxBoxAccV2"] == pytest.approx(float(recorded["maxboxacc_v2"]), abs=1e-12)
    assert metrics["MaxBoxAcc"] == float(recorded["maxboxacc_v1"])
    for delta, v2, v1 in zip(
        (30, 50, 70),
        recorded["maxboxacc_v2_per_iou"],
        recorded["maxboxacc_v1_per_iou"],
        strict=True,
    ):
        assert metrics[f"MaxBoxAccV2_{delta}"] == v2
        assert metrics[f"MaxBoxAcc_{delta}"] == v1


def test_thresholds_maps_and_boxes_are_the_reference(recorded):
    np.testing.assert_array_equal(max_box_acc.shares(), recorded["tau"])
    for number, name in ((0, "scoremap224_image0_stride8"), (36, "scoremap224_imagenA_stride8")):
        ours = maps.stretch(maps.resize(cams(recorded)[number], 224))
        np.testing.assert_allclose(ours[::8, ::8], recorded[name], atol=1e-6)
    steps = max_box_acc.shares()
    sampled = recorded["sampled_boxes_v2"]
    for image, tau in {tuple(row[:2]) for row in sampled.tolist()}:
        gray = maps.gray_levels(cams(recorded)[image], 224)
        found, _ = boxes.trace(gray, int(steps[tau] * gray.max()))
        wanted = sampled[(sampled[:, :2] == (image, tau)).all(1)][:, 2:]
        assert sorted(found) == sorted(map(tuple, wanted.tolist()))


def test_the_number_of_boxes_is_the_reference(recorded):
    wanted = recorded["v2_num_boxes_every10"]
    for image in range(0, 50, 7):
        gray = maps.gray_levels(cams(recorded)[image], 224)
        cuts = (max_box_acc.shares()[::10] * gray.max()).astype(int)
        assert [len(boxes.trace(gray, int(cut))[0]) for cut in cuts] == wanted[image].tolist()


MISTAKES = {
    "bilinear resize": ("maps", "cv2.INTER_CUBIC", "cv2.INTER_LINEAR"),
    "inclusive box end": ("boxes", "low + rects[:, 2:]", "low + rects[:, 2:] - 1"),
    "hole contours ignored": ("boxes", "cv2.RETR_TREE", "cv2.RETR_EXTERNAL"),
    "V1 for V2": ("max_box_acc", "np.maximum.reduceat(overlaps, proposals.starts)[proposals.level]",
                  "overlaps[proposals.largest][proposals.level]"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_known_mistake_changes_the_counts(recorded, mistake, tmp_path, monkeypatch):
    """The package is copied with one expression changed, imported, and must miss the reference."""
    module, right, wrong = MISTAKES[mistake]
    for path in FOLDER.glob("*.py"):
        text = path.read_text()
        if path.stem == module:
            assert text.count(right) == 1, f"{path} no longer holds the expression to change"
            text = text.replace(right, wrong)
        target = tmp_path / PACKAGE.replace(".", "/") / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    (tmp_path / "downstream" / "__init__.py").write_text("")
    for name in [name for name in sys.modules if name.split(".")[0] == "downstream"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(tmp_path))
    v2 = counts(recorded)[0][0]
    assert str(tmp_path) in sys.modules[f"{PACKAGE}.boxes"].__file__
    for name in [name for name in sys.modules if name.split(".")[0] == "downstream"]:
        monkeypatch.delitem(sys.modules, name)
    assert (v2 != recorded["v2_num_correct"]).any(), f"{mistake}: no count has changed"


@pytest.mark.parametrize("broken", [np.zeros((7, 7)), np.full((7, 7), np.nan)])
def test_a_map_that_says_nothing_proposes_the_corner_as_in_the_reference(broken):
    gray = maps.gray_levels(broken.astype(np.float32), 224)
    assert not gray.any()
    assert boxes.propose(gray, max_box_acc.shares()).boxes.tolist() == [[0, 0, 0, 0]]


def test_equal_masks_are_traced_once():
    gray = np.zeros((16, 16), np.uint8)
    gray[2:9, 3:11] = 100
    gray[4:6, 5:7] = 255
    found = boxes.propose(gray, max_box_acc.shares())
    assert found.boxes.tolist() == [[3, 2, 11, 9], [5, 4, 7, 6]]
    assert set(found.level.tolist()) == {0, 1}


def test_overlap_counts_both_end_pixels():
    a, b = np.array([[0, 0, 9, 9]]), np.array([[5, 5, 14, 14], [20, 20, 21, 21]])
    np.testing.assert_allclose(boxes.overlap(a, b), [[25 / 175, 0]])
