"""Published annotation formats are read as the references read them, and bad files are named."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from downstream.detection.augment import pixels
from downstream.detection.evaluate import judge
from downstream.detection.finetune import finetune
from downstream.detection.readers import Records, read_coco, read_voc, record
from downstream.detection.settings import DetectSettings
from mixlib.data.errors import DataError
from tests.downstream.detection.detection_data import drawn_records, write_voc
from tests.downstream.detection.detection_resnets import tiny_basic

CLASSES = ("RBC", "WBC", "Platelets")
SMALL = DetectSettings(
    iterations=6,
    batch=2,
    warmup_iters=2,
    steps=(5,),
    train_sizes=(128, 160),
    test_size=160,
    anchor_sizes=(16, 32, 64),
    rois_per_image=32,
    roi_size=7,
    pre_nms=(400, 200),
    post_nms=(100, 50),
)


@pytest.fixture
def voc(tmp_path):
    return write_voc(tmp_path, CLASSES, images=4)


def xml(voc):
    return voc / "VOC2007" / "Annotations" / "000000.xml"


def change(file, old, new):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def test_voc_corners_start_at_zero(voc):
    change(xml(voc), "</annotation>", OBJECT_ON_WHOLE_IMAGE + "</annotation>")
    first = read_voc(voc, [("VOC2007", "trainval")], CLASSES).items[0]
    assert first.boxes[-1].tolist() == [0, 0, 96, 96]
    assert first.difficult.tolist() == [False, False, True]
    assert pixels(first).shape == (96, 96, 3)


OBJECT_ON_WHOLE_IMAGE = (
    "<object><name>WBC</name><part><name>nucleus</name></part><difficult>1</difficult><bndbox>"
    "<xmin>1</xmin><ymin>1</ymin><xmax>96</xmax><ymax>96</ymax></bndbox></object>"
)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda v: xml(v).unlink(), r"000000\.xml is missing"),
        (
            lambda v: xml(v).write_text("<annotation>"),
            r"000000\.xml: .* annotation in XML",
        ),
        (
            lambda v: change(xml(v), "<object><name>", "<object><name>un"),
            r"the unknown class",
        ),
        (lambda v: change(xml(v), "<xmax>", "<xmax>9"), r"000000\.xml: expected boxes .* inside"),
        (lambda v: change(xml(v), "<ymin>", "<yMin>"), r"000000\.xml"),
        (
            lambda v: (v / "VOC2007/ImageSets/Main/trainval.txt").write_text("\n"),
            r"trainval\.txt: .* an empty list",
        ),
        (
            lambda v: (v / "VOC2007/ImageSets/Main/trainval.txt").unlink(),
            r"trainval\.txt is missing",
        ),
    ],
)
def test_a_bad_voc_tree_is_named(voc, spoil, words):
    spoil(voc)
    with pytest.raises(DataError, match=words):
        read_voc(voc, [("VOC2007", "trainval")], CLASSES)


def test_a_wrong_or_broken_image_is_named(voc):
    first = read_voc(voc, [("VOC2007", "trainval")], CLASSES).items[0]
    with pytest.raises(DataError, match=r"000000\.jpg: expected 50 x 96"):
        pixels(replace(first, width=50))
    first.path.write_bytes(b"no image")
    with pytest.raises(DataError, match=r"000000\.jpg: expected a readable image"):
        pixels(first)


def coco(tmp_path, **changes):
    content = {
        "images": [
            {"id": 9, "file_name": "b.png", "width": 40, "height": 30},
            {"id": 4, "file_name": "a.png", "width": 40, "height": 30},
            {"id": 5, "file_name": "c.png", "width": 40, "height": 30},
        ],
        "annotations": [
            {"id": 1, "image_id": 4, "category_id": 7, "bbox": [1, 2, 10, 5], "area": 33},
            {"id": 2, "image_id": 4, "category_id": 3, "bbox": [0, 0, 0, 5], "iscrowd": 0},
            {"id": 3, "image_id": 9, "category_id": 3, "bbox": [0, 0, 30, 20], "iscrowd": 1},
        ],
        "categories": [{"id": 7, "name": "dog"}, {"id": 3, "name": "cat"}],
    } | changes
    file = tmp_path / "instances.json"
    file.write_text(json.dumps(content))
    for name in ("a", "b", "c"):
        Image.new("RGB", (40, 30)).save(tmp_path / f"{name}.png")
    return read_coco(file, tmp_path)


def test_coco_ids_crowds_and_empty_images(tmp_path):
    records = coco(tmp_path)
    assert records.classes == ("cat", "dog")
    assert [item.name for item in records.items] == ["4", "5", "9"]
    first = records.items[0]
    assert first.labels.tolist() == [1, 0]
    assert first.boxes[0].tolist() == [1, 2, 11, 7]
    assert first.area[0] == 33
    assert [item.name for item in records.trainable().items] == ["4"]


def test_coco_crowds_excuse_detections(tmp_path):
    records = coco(tmp_path)
    hit = (np.array([[1.0, 2, 11, 7]]), np.array([0.9]), np.array([1]))
    none = (np.zeros((0, 4)), np.zeros(0), np.zeros(0, int))
    in_crowd = (np.array([[2.0, 2, 12, 12]]), np.array([0.95]), np.array([0]))
    got = judge(records, [hit, none, in_crowd], "coco")
    assert got["per_class"]["dog"]["AP"] == pytest.approx(100)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"categories": []}, "category id"),
        ({"images": []}, r"instances\.json"),
        ({"annotations": [{"image_id": 4}]}, r"instances\.json|bbox|category_id"),
    ],
)
def test_a_bad_coco_file_is_named(tmp_path, changes, words):
    with pytest.raises(DataError, match=words):
        coco(tmp_path, **changes)


def test_splits_without_objects_are_refused():
    with pytest.raises(DataError, match="at least one image"):
        Records((), CLASSES)
    empty = record("empty", (9, 9), [], [])
    with pytest.raises(DataError, match="none of the 1 training images"):
        Records((empty,), CLASSES).trainable()
    with pytest.raises(DataError, match="labels"):
        record("odd", (9, 9), [[0, 0, 1, 1]], [])
    assert len(drawn_records(3)) == 3


@pytest.mark.data
def test_bccd_union_trains_and_is_evaluated(mix_data, tmp_path):
    root = mix_data / "bccd" / "VOCdevkit"
    train = read_voc(root, [("VOC2007", "trainval"), ("VOC2012", "trainval")], CLASSES)
    test = read_voc(root, [("VOC2007", "test")], CLASSES)
    assert (len(train), len(test)) == (75, 30)
    assert sum(len(item.labels) for item in (*train.items, *test.items)) == 1658
    few = Records(test.items[:4], CLASSES)
    metrics = finetune(
        tiny_basic(8), SMALL, train, few, seed=0, device="cpu", workdir=tmp_path, workers=2
    )
    assert np.isfinite(metrics["AP"])
    perfect = [(item.boxes, np.ones(len(item.labels)), item.labels) for item in test.items]
    assert judge(test, perfect, "voc2012")["AP"] == pytest.approx(100, abs=0.01)


@pytest.mark.data
def test_coco_trains_and_is_evaluated(mix_data, tmp_path):
    folder = mix_data / "coco"
    train, test = (
        read_coco(folder / "annotations" / f"instances_{s}2017.json", folder / f"{s}2017")
        for s in ("train", "val")
    )
    assert (len(train), len(test), len(train.classes)) == (13, 20, 80)
    assert sum(item.crowd.sum() for item in test.items) == 1
    settings = replace(SMALL, ap_rule="coco")
    few = Records(test.items[:4], test.classes)
    metrics = finetune(tiny_basic(8), settings, train, few, seed=0, device="cpu", workdir=tmp_path)
    assert np.isfinite(metrics["AP"])
    kept = [~item.crowd for item in test.items]
    perfect = [
        (item.boxes[k], np.ones(k.sum()), item.labels[k])
        for item, k in zip(test.items, kept, strict=True)
    ]
    assert judge(test, perfect, "coco")["AP"] == pytest.approx(100, abs=0.01)
