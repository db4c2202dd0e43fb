"""Every reader numbers classes once, skips what is no data, reads any text, and names faults."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

from downstream.detection.augment import pixels
from downstream.detection.readers import read_split
from mixlib.data.catalog import LAYOUTS, dataset
from mixlib.data.errors import DataError, MissingFileError
from mixlib.data.readers import READERS, read, voc
from mixlib.data.split_sizes import take_inventory
from pipelines.data.inspect_dataset import CORRUPTED, MASKED, inspect_images
from tests.small_sets import CLASSES, COLORS, SETS, TEST, TRAIN

LISTED = [row.layout for row in SETS.values() if row.lists]
FILES = [
    row.layout
    for row in SETS.values()
    if row.layout not in ("cifar-pickle", "imagefolder", "imagenet100")
]


@dataclass(frozen=True)
class Found:
    """What a reader of any layout finds: class names, and label and gray level of each image."""

    names: tuple[str, ...]
    labels: list[int]
    grays: list[int]


def look(layout, root, split) -> Found:
    if layout in READERS:
        images = read(layout, root, split)
        grays = [int(np.asarray(images.image(i)).mean().round()) for i in range(len(images))]
        return Found(images.names, images.labels.tolist(), grays)
    records = read_split(layout, root, split, CLASSES)
    grays = [int(pixels(item).mean().round()) for item in records.items]
    return Found(records.classes, [int(item.labels[0]) for item in records.items], grays)


def both(layout, root):
    row = SETS[layout]
    return [look(layout, root, split) for split in (row.train, row.test)]


def row_of(layout):
    """A catalog row of the layout, its split sizes left open."""
    from dataclasses import replace

    name = next(
        n
        for n in (
            "imagefolder",
            "bccd",
            "coco_small",
            "cub_small",
            "aircraft",
            "inat2018",
            "places205",
            "tiny_imagenet_small",
            "cifar10_small",
            "imagenet100",
        )
        if dataset(n).layout == layout
    )
    row = SETS[layout]
    return replace(dataset(name), splits=((row.train, 0), (row.test, 0)), classes=0)


@pytest.fixture(params=list(SETS))
def layout(request):
    return request.param


@pytest.fixture
def root(layout, tmp_path):
    return SETS[layout].write(tmp_path / "set")


def test_every_layout_of_the_catalog_is_here():
    # masks and corrupted images have readers of their own, tested below tests/downstream
    assert set(SETS) == set(LAYOUTS) - {*MASKED, *CORRUPTED}


def test_classes_are_numbered_by_the_training_split(layout, root):
    level = dict(enumerate(COLORS.values()))
    for found in both(layout, root):
        assert len(found.names) == 3
        if layout not in ("cub", "list"):
            assert found.names == CLASSES
        assert all(abs(level[y] - g) <= 2 for y, g in zip(found.labels, found.grays, strict=True))
    kinds = [[CLASSES[y] for y in found.labels] for found in both(layout, root)]
    years = 2 if layout == "voc" else 1
    assert [sorted(k) for k in kinds] == [sorted(TRAIN * years), sorted(TEST)]


UNKNOWN = {
    "imagefolder": lambda root: (root / "val" / "bee").rename(root / "val" / "dog"),
    "tiny-imagenet": lambda root: change(root / "val/val_annotations.txt", "\tbee", "\tdog"),
    "aircraft": lambda root: change(root / "data/images_variant_test.txt", " bee", " dog"),
    "inat": lambda root: change(root / "val2018.json", '"name": "bee"', '"name": "dog"'),
    "list": lambda root: change(root / "val_places205.csv", ".jpg,1", ".jpg,7"),
    "cub": lambda root: change(root / "image_class_labels.txt", "6 2", "6 7"),
    "voc": lambda root: change(next((root / "VOC2007/Annotations").glob("bee*")), "bee", "dog"),
    "coco": lambda root: change(
        root / "annotations/instances_val2017.json", '"name": "bee"', '"name": "dog"'
    ),
}


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize("layout", UNKNOWN, indirect=True)
def test_a_class_that_training_lacks_is_named_with_its_file(layout, root):
    UNKNOWN[layout](root)
    with pytest.raises(DataError, match=r"dog|7") as caught:
        both(layout, root)
    assert str(root) in str(caught.value)


def test_hidden_and_foreign_files_change_nothing(layout, root):
    expected, count = both(layout, root), take_inventory(row_of(layout), root)
    picture = root.parent / "other.png"
    Image.new("RGB", (9, 9), 255).save(picture)
    folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
    for folder in folders:
        for name in ("._1.png", "1-checkpoint.png", ".DS_Store", "Thumbs.db", "desktop.ini"):
            shutil.copy(picture, folder / name)
        hidden = folder / ".ipynb_checkpoints"
        hidden.mkdir()
        shutil.copy(picture, hidden / "x.png")
    if layout == "cifar-pickle":
        shutil.copy(root / "data_batch_1", root / "data_batch_1.bak")
        shutil.copy(root / "data_batch_1", root / "data_batch_1 (1)")
    assert both(layout, root) == expected
    again = take_inventory(row_of(layout), root)
    assert (again.splits, again.classes) == (count.splits, count.classes)
    if layout in ("imagefolder", "imagenet100", "cifar-pickle"):
        assert any("skipped" in note for note in again.notes)


@pytest.mark.parametrize("layout", ["imagefolder", "imagenet100", "tiny-imagenet"], indirect=True)
def test_a_training_class_without_an_image_is_named(layout, root):
    for path in (root / "train" / "cat").rglob("*.*"):
        path.unlink()
    with pytest.raises(DataError, match=r"cat: expected at least one image"):
        look(layout, root, "train")


def test_a_test_split_without_an_image_is_refused(tmp_path):
    root = SETS["imagefolder"].write(tmp_path)
    for path in (root / "val").rglob("*.png"):
        path.unlink()
    with pytest.raises(MissingFileError, match="images of split 'val'"):
        read("imagefolder", root, "val")


@pytest.mark.parametrize("layout", LISTED, indirect=True)
@pytest.mark.parametrize("form", ["mark", "crlf", "blank lines", "mark and crlf"])
def test_any_utf8_text_is_read(layout, root, form):
    expected = both(layout, root)
    for name in SETS[layout].lists:
        content = (root / name).read_bytes()
        if "blank" in form and not name.endswith(".json"):
            content = b"\n" + content.replace(b"\n", b"\n\n") + b"  \n"
        content = content.replace(b"\n", b"\r\n") if "crlf" in form else content
        (root / name).write_bytes((b"\xef\xbb\xbf" if "mark" in form else b"") + content)
    assert both(layout, root) == expected


@pytest.mark.parametrize("layout", LISTED, indirect=True)
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1"])
def test_another_encoding_is_said(layout, root, encoding):
    for name in SETS[layout].lists:
        path = root / name
        text = path.read_text()
        path.write_bytes((text + ("ä" if encoding == "latin-1" else "")).encode(encoding))
        with pytest.raises(DataError, match=re.escape(str(path))) as caught:
            both(layout, root)
        assert "UTF-8" in str(caught.value)
        path.write_text(text)


@pytest.mark.parametrize("layout", FILES, indirect=True)
@pytest.mark.parametrize("fault", ["missing", "suffix", "case", "empty"])
def test_images_are_looked_for_when_a_set_is_prepared(layout, root, fault):
    row = row_of(layout)
    inspect_images(row, root, CLASSES)
    path = max(path for path in root.rglob("*") if path.suffix in (".jpg", ".JPEG"))
    if fault == "empty":
        path.write_bytes(b"")
    elif fault == "missing":
        path.unlink()
    else:
        path.rename(path.with_suffix(".png" if fault == "suffix" else path.suffix.swapcase()))
    with pytest.raises(DataError, match=re.escape(str(path))) as caught:
        inspect_images(row, root, CLASSES)
    if layout != "tiny-imagenet" or "val" in path.parts:
        assert isinstance(caught.value, MissingFileError) == (fault != "empty")
    if fault in ("suffix", "case"):
        assert "lies there" in str(caught.value)


@pytest.mark.parametrize("layout", ["voc", "coco"], indirect=True)
def test_an_image_of_another_size_than_annotated_is_named(layout, root):
    path = max(root.rglob("*.jpg"))
    Image.new("RGB", (5, 7)).save(path)
    with pytest.raises(
        DataError, match=rf"{re.escape(str(path))}: expected 16 x 16 .* found 5 x 7"
    ):
        inspect_images(row_of(layout), root, CLASSES)


def broken(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize("layout", [name for name in SETS if name != "cifar-pickle"], indirect=True)
@pytest.mark.parametrize(
    "spoil", [broken, lambda p: p.write_bytes(b""), lambda p: p.write_text("<html>")]
)
def test_a_broken_image_is_named_by_every_reader(layout, root, spoil):
    path = next(p for p in sorted(root.rglob("*")) if p.suffix in (".jpg", ".png", ".JPEG"))
    spoil(path)
    with pytest.raises(DataError, match=re.escape(str(path))):
        both(layout, root)


FAULTS = [
    ("tiny-imagenet", "val/val_annotations.txt", "\tbee\t", " bee ", "line 2: expected a class"),
    ("tiny-imagenet", "wnids.txt", "bee", "ant", "line 2: expected 'ant' once"),
    ("cub", "images.txt", "2 002.bee/bee 1", "2", "line 2: expected 2 fields"),
    ("cub", "images.txt", "2 002.bee/bee 1", "2 001.ant/ant 0", r"line 2: .* once"),
    ("cub", "image_class_labels.txt", "3 3", "3 x", "line 3: expected a number in column 2"),
    ("cub", "image_class_labels.txt", "3 3", "3 0", "line 3: .* at least 1 and at most 3"),
    ("cub", "image_class_labels.txt", "3 3\n", "", r"expected a line for the image '003.cat/cat 2"),
    ("cub", "train_test_split.txt", "3 1", "3 2", "line 3: .* at most 1"),
    ("aircraft", "data/images_variant_test.txt", "0005", "0004", "line 2: expected '0004' once"),
    ("list", "val_places205.csv", ".jpg,1", ".jpg,1.5", "line 2: expected a whole number"),
    ("list", "val_places205.csv", ".jpg,1", ".jpg,-1", "line 2: .* at least 0"),
    ("inat", "val2018.json", '"id": 4', '"id": 5', r"images\[1\]: expected the id 5 once"),
    ("inat", "val2018.json", '"image_id": 4', '"image_id": 9', r"annotations\[0\]: .* an image"),
    ("inat", "val2018.json", '"category_id": 7', '"category_id": 8', r"annotations\[1\]"),
    ("inat", "val2018.json", '"images"', '"image"', 'expected a list "images", found nothing'),
    ("inat", "val2018.json", "{", "<html>", "in JSON"),
    ("voc", "VOC2007/ImageSets/Main/test.txt", "bee 5", "cat 4", "line 2: .* once"),
    ("voc", "VOC2007/ImageSets/Main/test.txt", "bee 5", "bee 5.jpg", "without suffix"),
    ("voc", "VOC2007/Annotations/bee 5.xml", ">2<", ">2,5<", "found '2,5': write a point"),
    ("voc", "VOC2007/Annotations/bee 5.xml", ">16<", ">0<", "of at least 1, found 0 x 16"),
    ("voc", "VOC2007/Annotations/bee 5.xml", "<difficult>0", "<difficult>no", "0 or 1"),
    ("voc", "VOC2007/Annotations/bee 5.xml", "<name>", "<nome>", "in XML"),
]


@pytest.mark.parametrize(("layout", "file", "old", "new", "message"), FAULTS)
def test_faults_name_file_place_and_remedy(tmp_path, layout, file, old, new, message):
    root = SETS[layout].write(tmp_path / "set")
    change(root / file, old, new)
    with pytest.raises(DataError, match=message) as caught:
        both(layout, root)
    assert file in str(caught.value)
    assert re.search(r"expected .*, found .*: \w+", str(caught.value))


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-16", "shift_jis", "gb2312", "euc-kr", "latin-1"]
)
def test_annotations_in_any_encoding(tmp_path, encoding):
    from tests.small_sets import annotation

    text = f'<?xml version="1.0" encoding="{encoding}"?>{annotation("bee")}'
    (tmp_path / "a.xml").write_bytes(text.encode(encoding))
    image = voc.read_annotation(tmp_path / "a.xml", "a", tmp_path / "a.jpg")
    assert image.objects[0].name == "bee"


def test_voc_without_class_lists_says_what_to_add(tmp_path):
    root = SETS["voc"].write(tmp_path)
    for path in root.rglob("*_trainval.txt"):
        path.unlink()
    with pytest.raises(DataError, match=r"a list <class>_trainval\.txt of every class"):
        take_inventory(row_of("voc"), root)


def test_flags_and_blanks_in_voc_lists(tmp_path):
    root = SETS["voc"].write(tmp_path)
    listing = root / "VOC2007" / "ImageSets" / "Main" / "test.txt"
    expected = [row[0] for row in voc.read_names(root, "VOC2007", "test")]
    listing.write_text(
        "".join(f"{name}  {flag}\n" for name, flag in zip(expected, "01", strict=True))
    )
    assert [row[0] for row in voc.read_names(root, "VOC2007", "test")] == expected
