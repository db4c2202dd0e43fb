"""The readers find the images and labels of every layout, and say clearly what is wrong."""

import os
import pickle

import numpy as np
import pytest
from PIL import Image

from mixlib.data.catalog import DATASETS
from mixlib.data.errors import DataError
from mixlib.data.images import Images, cap
from mixlib.data.open_image import open_image
from mixlib.data.readers import READERS, read

REAL = [
    (row.name, split)
    for row in DATASETS.values()
    if row.identity == "measured" and row.layout in READERS
    for split, _ in row.splits
]


@pytest.mark.data
@pytest.mark.parametrize(("name", "split"), REAL)
def test_real_sets(mix_data, name, split):
    row = DATASETS[name]
    root = mix_data / row.folder
    if not root.exists():
        pytest.skip(f"{root} is not there")
    images = read(row.layout, root, split)
    assert len(images) == row.count(split)
    assert len(images.names) == row.classes
    counts = np.bincount(images.labels, minlength=row.classes)
    assert counts.min() > 0
    pixels = images.in_memory().pixels
    assert pixels.shape == (len(images), row.size, row.size, 3)
    assert 20 < pixels.mean() < 235


@pytest.fixture
def images():
    labels = np.repeat(np.arange(4), [40, 30, 20, 10])
    pixels = (
        np.arange(100, dtype=np.uint8)[:, None, None, None].repeat(4, 1).repeat(4, 2).repeat(3, 3)
    )
    return Images(labels, tuple("abcd"), pixels=pixels)


@pytest.mark.parametrize("most", [1, 4, 37, 99])
def test_a_cap_is_balanced_nested_and_deterministic(images, most):
    kept = cap(images, most)
    counts = np.bincount(kept.labels, minlength=4)
    assert len(kept) == most
    assert np.array_equal(kept.labels, np.sort(kept.labels))
    available = np.array([40, 30, 20, 10])
    # As equal as possible: no class is above another that still has images to give.
    assert all(
        counts[a] <= counts[b] + 1 for a in range(4) for b in range(4) if counts[b] < available[b]
    )
    assert np.array_equal(cap(images, most).pixels, kept.pixels)
    more = cap(images, min(100, most + 10))
    assert set(kept.pixels[:, 0, 0, 0]) <= set(more.pixels[:, 0, 0, 0])


def test_caps_of_other_seeds_differ_and_large_caps_change_nothing(images):
    first, second = cap(images, 20, seed=0), cap(images, 20, seed=1)
    assert not np.array_equal(first.pixels, second.pixels)
    assert cap(images, 100) is images
    assert cap(images, None) is images
    with pytest.raises(ValueError, match="at least one"):
        cap(images, 0)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "1"])
def test_every_picture_becomes_rgb(tmp_path, mode):
    path = tmp_path / ("x.tif" if mode == "CMYK" else "x.png")
    Image.new(mode, (5, 4)).save(path)
    picture = open_image(path)
    assert (picture.mode, picture.size) == ("RGB", (5, 4))


def test_imagefolder_sorts_classes_and_skips_other_files(tmp_path):
    for name in ("b", "a"):
        (tmp_path / "train" / name / "deep").mkdir(parents=True)
        Image.new("L", (6, 6), 9).save(tmp_path / "train" / name / "deep" / "1.JPEG")
        (tmp_path / "train" / name / "notes.txt").write_text("no image")
    images = read("imagefolder", tmp_path, "train")
    assert images.names == ("a", "b")
    assert images.labels.tolist() == [0, 1]
    assert images.in_memory(4).pixels.shape == (2, 4, 4, 3)


@pytest.fixture
def many_classes(tmp_path):
    """An ImageNet of 103 classes with one image a split, its folder beside other data."""
    for split in ("train", "val"):
        for number in range(103):
            folder = tmp_path / "imagenet" / split / f"n{number:08d}"
            folder.mkdir(parents=True)
            Image.new("RGB", (4, 4), (number, 0, 0)).save(folder / "x.png")
    return tmp_path / "imagenet"


def test_imagenet100_is_the_first_hundred_or_those_listed(many_classes):
    first = read("imagenet100", many_classes, "val")
    assert len(first) == len(first.names) == 100
    assert first.names == tuple(f"n{number:08d}" for number in range(100))
    listing = many_classes.parent / "imagenet100.txt"
    listing.write_text("n00000102 hen\nn00000007 cock\n\n")
    listed = read("imagenet100", many_classes, "train")
    assert listed.names == ("n00000102", "n00000007")
    assert listed.labels.tolist() == [0, 1]
    # the list's order is the labels' order, and the pictures are those of the classes
    assert listed.in_memory().pixels[:, 0, 0, 0].tolist() == [102, 7]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("n00000001\nn00000001\n", "line 2: expected 'n00000001' once, found it in line 1, too"),
        ("n00000001\nn00000999\n", r"found n00000999 \(1 have none\)"),
    ],
)
def test_a_wrong_list_of_classes_is_named(many_classes, text, message):
    (many_classes.parent / "imagenet100.txt").write_text(text)
    with pytest.raises(ValueError, match=message):
        read("imagenet100", many_classes, "train")


@pytest.mark.data
def test_listed_classes_of_a_real_folder(mix_data, tmp_path):
    source = mix_data / "imagefolder64"
    if not source.exists():
        pytest.skip(f"{source} is not there")
    (tmp_path / "imagenet").symlink_to(source)
    whole = read("imagefolder", source, "train")
    assert read("imagenet100", tmp_path / "imagenet", "train").names == whole.names
    chosen = whole.names[3:0:-2]
    (tmp_path / "imagenet100.txt").write_text("\n".join(chosen))
    part = read("imagenet100", tmp_path / "imagenet", "train")
    assert part.names == chosen
    for label, name in enumerate(chosen):
        own = [path.name for path, y in zip(part.paths, part.labels, strict=True) if y == label]
        kept = whole.labels == whole.names.index(name)
        assert own == [path.name for path, yes in zip(whole.paths, kept, strict=True) if yes]


def test_sizes_must_be_named_where_they_differ(tmp_path):
    (tmp_path / "train" / "a").mkdir(parents=True)
    for side in (4, 5):
        Image.new("RGB", (side, 6)).save(tmp_path / "train" / "a" / f"{side}.png")
    images = read("imagefolder", tmp_path, "train")
    with pytest.raises(ValueError, match="name the size"):
        images.in_memory()
    assert images.in_memory(8).pixels.shape == (2, 8, 8, 3)


@pytest.mark.parametrize("layout", sorted(READERS))
def test_an_absent_set_is_named_with_advice(tmp_path, layout):
    with pytest.raises(FileNotFoundError, match=str(tmp_path)):
        read(layout, tmp_path, "train")


def test_unknown_layouts_and_splits(tmp_path):
    with pytest.raises(ValueError, match="imagefolder"):
        read("image-folder", tmp_path, "train")
    with pytest.raises(ValueError, match="train and test"):
        read("cifar-pickle", tmp_path, "val")


def test_empty_folders_are_an_error(tmp_path):
    (tmp_path / "train" / "a").mkdir(parents=True)
    with pytest.raises(DataError, match="1 of 1 classes without one"):
        read("imagefolder", tmp_path, "train")


class _Attack:
    def __reduce__(self):
        return os.mkdir, ("attacked",)


def test_cifar_pickles_cannot_run_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "batches.meta").write_bytes(pickle.dumps({"label_names": _Attack()}, protocol=2))
    with pytest.raises(DataError, match=r"batches.meta: .* found posix.mkdir: do not trust"):
        read("cifar-pickle", tmp_path, "train")
    assert not (tmp_path / "attacked").exists()


def test_images_hold_one_of_pixels_and_paths_and_fitting_labels():
    labels = np.zeros(2, np.int64)
    with pytest.raises(ValueError, match="either"):
        Images(labels, ("a",))
    with pytest.raises(ValueError, match="2 for 3"):
        Images(labels, ("a",), pixels=np.zeros((3, 2, 2, 3), np.uint8))
    with pytest.raises(ValueError, match=r"0\.\.0"):
        Images(labels + 1, ("a",), pixels=np.zeros((2, 2, 2, 3), np.uint8))


def draw(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (6, 6)).save(path)


def test_aircraft_inat_and_lists(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "variants.txt").write_text("707-320\nF-16A/B\n")
    (data / "images_variant_test.txt").write_text("0001 F-16A/B\n0002 707-320\n")
    for path in ("data/images/0001.jpg", "data/images/0002.jpg", "train_val_images/x.jpg"):
        draw(tmp_path / path)
    for path in ("images/a/abbey/x y.jpg", "images/b/b/1.jpg"):
        draw(tmp_path / path)
    aircraft = read("aircraft", tmp_path, "test")
    assert aircraft.labels.tolist() == [1, 0]
    assert aircraft.paths[0].name == "0001.jpg"
    for split in ("train", "val"):
        (tmp_path / f"{split}2017.json").write_text(
            '{"images": [{"id": 7, "file_name": "train_val_images/x.jpg"}],'
            '"annotations": [{"image_id": 7, "category_id": 3}],'
            '"categories": [{"id": 3, "name": "c"}, {"id": 1, "name": "a"}]}'
        )
    inat = read("inat", tmp_path, "val")
    assert (inat.labels.tolist(), inat.names) == ([1], ("a", "c"))
    (tmp_path / "train_places205.csv").write_text("a/abbey/x y.jpg,2\nb/b/1.jpg 0\n")
    (tmp_path / "val_places205.csv").write_text("a/abbey/x y.jpg,1\nb/b/1.jpg 0\n")
    places = read("list", tmp_path, "val")
    assert places.labels.tolist() == [1, 0]
    assert len(places.names) == 3
    assert places.paths[0].name == "x y.jpg"
