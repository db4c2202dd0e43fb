"""The official readers of each layout find in the written files what was drawn."""

import contextlib
import io
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from mixlib.data import readers
from mixlib.data.shapes.layouts import (
    polygons_of,
    run_lengths,
    write_coco,
    write_cub,
    write_imagefolder,
)
from mixlib.data.shapes.layouts import write_voc as write_voc_files
from mixlib.data.shapes.scenes import CLASS_NAMES, Shapes, render

SCENES = Shapes(
    train=20, val=6, size=96, objects=(2, 5), radius=(0.09, 0.2), crowd=0.4, least=2, distractors=1
)
SINGLE = Shapes(train=20, val=10, test=10, size=32)


@pytest.fixture(scope="module")
def voc(tmp_path_factory):
    root = tmp_path_factory.mktemp("voc")
    write_voc_files(SCENES, root)
    return root / "VOCdevkit"


@pytest.fixture(scope="module")
def coco(tmp_path_factory):
    root = tmp_path_factory.mktemp("coco")
    write_coco(SCENES, root)
    return root


def test_imagefolder_holds_the_very_pixels(tmp_path):
    write_imagefolder(SINGLE, tmp_path)
    images = readers.read("imagefolder", tmp_path, "train").in_memory()
    assert images.names == tuple(sorted(CLASS_NAMES))
    drawn = {render(SINGLE, "train", i).image.tobytes(): i % 10 for i in range(20)}
    for pixels, label in zip(images.pixels, images.labels, strict=True):
        assert CLASS_NAMES[drawn[pixels.tobytes()]] == images.names[label]


def test_voc_lists_and_boxes(voc):
    def lines(year, name):
        return (voc / year / "ImageSets" / "Main" / f"{name}.txt").read_text().split("\n")[:-1]

    assert len(lines("VOC2007", "trainval")) == 6
    assert len(lines("VOC2012", "trainval")) == 14
    assert len(lines("VOC2007", "test")) == 6
    for year in ("VOC2007", "VOC2012"):
        both = sorted(lines(year, "train") + lines(year, "val"))
        assert both == lines(year, "trainval")
    scene = render(SCENES, "train", 0)
    tree = ElementTree.parse(voc / "VOC2007" / "Annotations" / "000001.xml")
    found = tree.findall("object")
    assert tree.findtext("size/width") == "96"
    assert [item.findtext("name") for item in found] == [CLASS_NAMES[t.label] for t in scene.things]
    for item, thing in zip(found, scene.things, strict=True):
        corners = [int(item.findtext(f"bndbox/{c}")) for c in ("xmin", "ymin", "xmax", "ymax")]
        # VOC readers subtract one from the upper left corner.
        assert (corners[0] - 1, corners[1] - 1, corners[2], corners[3]) == thing.box
        assert item.findtext("difficult") == str(int(thing.difficult))


def test_voc_class_lists_say_shown_hard_or_absent(voc):
    main = voc / "VOC2007" / "ImageSets" / "Main"
    for number, name in enumerate(CLASS_NAMES):
        for index, line in enumerate((main / f"{name}_test.txt").read_text().splitlines()):
            own = [t.difficult for t in render(SCENES, "val", index).things if t.label == number]
            assert int(line.split()[1]) == (-1 if not own else 0 if all(own) else 1)


def test_voc_class_masks(voc):
    scene = render(SCENES, "val", 0)
    with Image.open(voc / "VOC2007" / "SegmentationClass" / "000007.png") as picture:
        assert picture.mode == "P"
        mask = np.asarray(picture)
    for thing in scene.things:
        assert (mask[thing.mask] == (255 if thing.crowd else thing.label + 1)).all()
    assert (mask > 0).sum() == sum(thing.mask.sum() for thing in scene.things)


def test_coco_through_its_own_reader(coco):
    for split, count in (("train", SCENES.train), ("val", SCENES.val)):
        with contextlib.redirect_stdout(io.StringIO()):
            api = COCO(coco / "annotations" / f"instances_{split}2017.json")
        assert [kind["name"] for kind in api.loadCats(api.getCatIds())] == list(CLASS_NAMES)
        assert len(api.getImgIds()) == count
        for index in range(count):
            scene = render(SCENES, split, index)
            marks = api.loadAnns(api.getAnnIds(index + 1))
            assert (coco / f"{split}2017" / api.imgs[index + 1]["file_name"]).exists()
            for mark, thing in zip(marks, scene.things, strict=True):
                x, y, width, height = mark["bbox"]
                assert (x, y, x + width, y + height) == thing.box
                assert (mark["category_id"], mark["iscrowd"]) == (thing.label + 1, thing.crowd)
                assert mark["area"] == thing.mask.sum()
                if mark["iscrowd"]:
                    assert np.array_equal(api.annToMask(mark).astype(bool), thing.mask)


def test_polygons_cover_the_mask_with_holes_filled():
    rows, columns = np.mgrid[0:60, 0:60]
    disc = (rows - 30) ** 2 + (columns - 25) ** 2 < 20**2
    mark = {"segmentation": polygons_of(disc), "image_id": 1}
    api = COCO()
    api.imgs = {1: {"height": 60, "width": 60}}
    found = api.annToMask(mark).astype(bool)
    assert (found & disc).sum() / (found | disc).sum() > 0.97


@pytest.mark.parametrize("fill", ["empty", "full", "first", "last", "random"])
def test_run_lengths_give_the_mask_back(fill):
    mask = np.zeros((5, 7), bool)
    if fill == "full":
        mask[:] = True
    elif fill in ("first", "last"):
        mask.flat[0 if fill == "first" else -1] = True
    elif fill == "random":
        mask = np.random.default_rng(0).random((5, 7)) < 0.5
    code = run_lengths(mask)
    assert sum(code["counts"]) == mask.size
    values = np.arange(len(code["counts"])) % 2 == 1
    assert np.array_equal(np.repeat(values, code["counts"]).reshape(7, 5).T, mask)


def test_cub_lists_boxes_and_localization_metadata(tmp_path):
    write_cub(SINGLE, tmp_path)
    root = tmp_path / "CUB_200_2011"
    for split, count in (("train", 20), ("test", 10), ("val", 10)):
        images = readers.read("cub", root, split)
        assert len(images) == count
        assert images.labels.tolist() == [i % 10 for i in range(count)]
        assert all(path.exists() for path in images.paths)
        folder = tmp_path / "wsol_metadata" / "CUB" / split
        box = (folder / "localization.txt").read_text().split("\n")[3].split(",")
        assert tuple(map(int, box[1:])) == render(SINGLE, split, 3).things[0].box
        size = (folder / "image_sizes.txt").read_text().split("\n")[3]
        assert size.endswith(",32,32")
    corner = (root / "bounding_boxes.txt").read_text().split("\n")[0].split()
    x0, y0, x1, y1 = render(SINGLE, "train", 0).things[0].box
    assert [float(v) for v in corner] == [1, x0, y0, x1 - x0, y1 - y0]
