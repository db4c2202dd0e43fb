"""ADE20K and CamVid in their official layouts, and what is refused."""

import numpy as np
import pytest
from PIL import Image

from downstream.errors import InputError
from downstream.segmentation.metrics import IGNORE
from downstream.segmentation.readers import CAMVID_NAMES, read_ade20k, read_segmentations


@pytest.fixture
def ade20k(tmp_path):
    """Two training images and one validation image; masks hold 0 (ignored) to 150."""
    for split, count in (("training", 2), ("validation", 1)):
        for kind, mode, suffix in (("images", "RGB", "jpg"), ("annotations", "L", "png")):
            folder = tmp_path / kind / split
            folder.mkdir(parents=True)
            for number in range(count):
                picture = Image.new(mode, (6, 4), 0)
                if mode == "L":
                    picture.putpixel((1, 0), 1)
                    picture.putpixel((2, 0), 150)
                picture.save(folder / f"ADE_{split[:5]}_{number:08d}.{suffix}")
    return tmp_path


def test_ade20k_ignores_zero_and_counts_from_one(ade20k):
    found = read_ade20k(ade20k, "train")
    assert len(found) == 2
    assert len(found.names) == 150
    mask = found.mask(0)
    assert mask.shape == found.image(0).shape[:2] == (4, 6)
    assert mask[0, :4].tolist() == [IGNORE, 0, 149, IGNORE]
    assert len(read_ade20k(ade20k, "val")) == 1


def test_ade20k_names_come_from_its_own_list(ade20k):
    rows = ["Idx\tRatio\tTrain\tVal\tStuff\tName"]
    rows += [f"{n}\t0.1\t1\t1\t0\tclass{n}, synonym" for n in range(1, 151)]
    path = ade20k / "objectInfo150.txt"
    path.write_text("\n".join(rows))
    assert read_ade20k(ade20k, "val").names[:2] == ("class1", "class2")
    path.write_text("\n".join(rows[:-1]))
    with pytest.raises(InputError, match="expected 150 classes, found 149"):
        read_ade20k(ade20k, "val")


def mask_path(root):
    return next((root / "annotations" / "validation").glob("*.png"))


BROKEN = {
    "another size": (
        lambda root: Image.new("L", (6, 5)).save(mask_path(root)),
        "its image's size 6 x 4, found 6 x 5",
    ),
    "beyond the classes": (
        lambda root: Image.new("L", (6, 4), 151).save(mask_path(root)),
        "expected labels 1 to 150, found 151",
    ),
    "colors": (
        lambda root: Image.new("RGB", (6, 4)).save(mask_path(root)),
        "found mode RGB: colors are no class",
    ),
    "16 bits": (
        lambda root: Image.fromarray(np.zeros((4, 6), np.uint16)).save(mask_path(root)),
        "found mode I;16",
    ),
    "corrupt": (lambda root: mask_path(root).write_bytes(b"PNG"), "cannot be read as a mask"),
    "missing": (lambda root: mask_path(root).unlink(), "expected a file at"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_masks_that_cannot_be_used_are_refused(ade20k, case):
    breaks, message = BROKEN[case]
    breaks(ade20k)
    with pytest.raises(InputError, match=message):
        read_ade20k(ade20k, "val").mask(0)


def test_folders_that_cannot_be_used_are_refused(ade20k):
    with pytest.raises(InputError, match="split train or val of ADE20K, found 'test'"):
        read_segmentations("ade20k", ade20k, "test")
    with pytest.raises(InputError, match="ade20k or camvid, found 'voc'"):
        read_segmentations("voc", ade20k, "val")
    with pytest.raises(InputError, match="root is the folder"):
        read_segmentations("ade20k", ade20k / "images", "val")
    for path in (ade20k / "images" / "validation").iterdir():
        path.unlink()
    with pytest.raises(InputError, match="empty set"):
        read_segmentations("ade20k", ade20k, "val")


def test_camvid_lists_are_checked(tmp_path):
    with pytest.raises(InputError, match=r"a list of images at .*val\.txt"):
        read_segmentations("camvid", tmp_path, "val")
    (tmp_path / "val.txt").write_text("one two three\n")
    with pytest.raises(InputError, match="line 1: expected an image and a mask"):
        read_segmentations("camvid", tmp_path, "val")
    (tmp_path / "val.txt").write_text("/SegNet/CamVid/val/a.png /SegNet/CamVid/valannot/a.png\n")
    with pytest.raises(InputError, match=r"expected a file at .*/val/a\.png"):
        read_segmentations("camvid", tmp_path, "val")
    for folder, mode in (("val", "RGB"), ("valannot", "L")):
        (tmp_path / folder).mkdir()
        Image.new(mode, (6, 4), 11 if mode == "L" else 0).save(tmp_path / folder / "a.png")
    assert (read_segmentations("camvid", tmp_path, "val").mask(0) == IGNORE).all()


@pytest.mark.data
def test_camvid_as_it_is_published(mix_data):
    for split, count in (("train", 6), ("val", 3), ("test", 3)):
        found = read_segmentations("camvid", mix_data / "camvid", split)
        assert len(found) == count
        assert found.names == CAMVID_NAMES
        for number in range(count):
            assert found.image(number).shape == (360, 480, 3)
            labels = np.unique(found.mask(number)).tolist()
            assert set(labels) <= {*range(11), IGNORE}
            assert {0, 1, 3} <= set(labels)
