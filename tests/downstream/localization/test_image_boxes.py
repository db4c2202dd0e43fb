"""True boxes of classification test sets, wherever they stand."""

import numpy as np
import pytest
from PIL import Image

from downstream.errors import InputError
from downstream.localization.image_boxes import METADATA, read_image_boxes
from mixlib.data.errors import DataError
from mixlib.data.shapes.layouts import write_imagefolder
from mixlib.data.shapes.scenes import Shapes, render


def test_boxes_of_a_generated_world_are_drawn_again(tmp_path):
    spec = Shapes(train=2, val=4, size=32, anywhere=True, radius=(0.2, 0.3))
    write_imagefolder(spec, tmp_path)
    paths = sorted((tmp_path / "val").rglob("*.png"), key=lambda path: path.stem, reverse=True)
    truth = read_image_boxes("imagefolder", tmp_path, "val", paths, spec)
    assert len(truth) == 4
    for path, boxes in zip(paths, truth.boxes, strict=True):
        scene = render(spec, "val", int(path.stem))
        assert boxes.tolist() == [list(scene.things[0].box)]
        rows, columns = np.nonzero(scene.things[0].mask)
        x0, y0, x1, y1 = boxes[0]
        assert (rows.min(), rows.max()) == (y0, y1 - 1)
        assert (columns.min(), columns.max()) == (x0, x1 - 1)


@pytest.fixture
def tiny(tmp_path):
    folder = tmp_path / "val" / "images"
    folder.mkdir(parents=True)
    for name in ("a.JPEG", "b.JPEG"):
        Image.new("RGB", (64, 64)).save(folder / name)
    lines = ["a.JPEG\tn1\t0\t31\t60\t63", "b.JPEG\tn2\t5\t5\t5\t5"]
    (tmp_path / "val" / "val_annotations.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_tiny_imagenets_boxes_end_with_their_last_pixel(tiny):
    paths = [tiny / "val" / "images" / name for name in ("b.JPEG", "a.JPEG")]
    truth = read_image_boxes("tiny-imagenet", tiny, "val", paths)
    assert [boxes.tolist() for boxes in truth.boxes] == [[[5, 5, 6, 6]], [[0, 31, 61, 64]]]


def test_a_box_outside_its_image_is_refused(tiny):
    path = tiny / "val" / "val_annotations.txt"
    path.write_text(path.read_text().replace("60\t63", "60\t64"))
    with pytest.raises(DataError, match=r"expected boxes inside the 64 x 64 image, found \(0, 31"):
        read_image_boxes("tiny-imagenet", tiny, "val", [tiny / "val" / "images" / "a.JPEG"])


def test_imagenets_boxes_stand_in_the_metadata_beside_it(tmp_path):
    folder = tmp_path / METADATA
    folder.mkdir(parents=True)
    (folder / "image_ids.txt").write_text("val/x.JPEG\nval/y.JPEG\n")
    (folder / "class_labels.txt").write_text("val/x.JPEG,0\nval/y.JPEG,1\n")
    (folder / "image_sizes.txt").write_text("val/x.JPEG,10,20\nval/y.JPEG,10,10\n")
    (folder / "localization.txt").write_text(
        "val/x.JPEG,1,2,3,4\nval/x.JPEG,0,0,10,20\nval/y.JPEG,0,0,5,5\n"
    )
    root = tmp_path / "imagenet"
    paths = [root / "val" / "n02" / "y.JPEG", root / "val" / "n01" / "x.JPEG"]
    truth = read_image_boxes("imagefolder", root, "val", paths)
    assert [len(boxes) for boxes in truth.boxes] == [1, 2]
    with pytest.raises(DataError, match=r"no entry for the image 'z.JPEG'"):
        read_image_boxes("imagefolder", root, "val", [root / "val" / "z.JPEG"])


def test_a_dataset_without_boxes_says_what_would_hold_them(tmp_path):
    with pytest.raises(InputError, match="expected true boxes of the images, found none"):
        read_image_boxes("imagefolder", tmp_path / "mine", "val", [])
