"""Sets that evaluations read: masks and corrupted images are counted, checked and refused."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from downstream.robustness.corrupt import write_cifar_c
from downstream.robustness.severities import CORRUPTIONS
from downstream.segmentation.metrics import IGNORE
from downstream.segmentation.readers import read_ade20k
from mixlib.data.catalog import dataset
from mixlib.data.errors import DataError
from mixlib.data.shapes.scenes import render
from pipelines.data import datasets, places
from pipelines.data.fingerprints import fingerprint, specify
from pipelines.data.inspect_dataset import inspect_images, inventory

SPEC = {"train": 3, "val": 2, "size": 32, "crowd": 0.0}
CIFAR = dataset("cifar10_c_small")


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MIX_DATA", raising=False)


def test_generated_masks_are_the_worlds(tmp_path):
    row = dataset("shapes_ade20k")
    spec = specify(row, SPEC)
    datasets.prepare(row, spec)
    mark = fingerprint(row, spec)
    entry = places.manifest(mark)
    assert entry["splits"] == {"train": 3, "val": 2}
    assert entry["classes"][0] == "background"
    assert len(entry["classes"]) == 11
    found = read_ade20k(places.locate(mark), "val", 11)
    for number in range(2):
        expected = np.zeros((32, 32), np.uint8)
        for thing in render(spec, "val", number).things:
            expected[thing.mask] = thing.label + 1
        np.testing.assert_array_equal(found.mask(number), expected)


def test_crowds_are_ignored(tmp_path):
    row = dataset("shapes_ade20k")
    spec = specify(row, {**SPEC, "crowd": 1.0})
    datasets.prepare(row, spec)
    found = read_ade20k(places.locate(fingerprint(row, spec)), "val", 11)
    scene = render(spec, "val", 0)
    crowds = [thing.mask for thing in scene.things if thing.crowd]
    assert crowds
    assert (found.mask(0)[crowds[0]] == IGNORE).all()


def test_a_mask_of_another_size_is_refused_when_prepared(tmp_path):
    row = dataset("shapes_ade20k")
    spec = specify(row, SPEC)
    datasets.prepare(row, spec)
    folder = places.locate(fingerprint(row, spec))
    mask = sorted((folder / "annotations" / "training").iterdir())[0]
    Image.new("L", (16, 16)).save(mask)
    with pytest.raises(DataError, match="expected a mask of its image's size 32 x 32, found 16"):
        inspect_images(row, folder, ())


@pytest.fixture
def corrupted(tmp_path):
    folder = tmp_path / "CIFAR-10-C"
    write_cifar_c(np.zeros((3, 32, 32, 3), np.uint8), np.array([0, 1, 9]), folder)
    return folder


def test_corrupted_images_are_counted_once(corrupted):
    found = inventory(CIFAR, corrupted)
    assert found.splits == {"test": 3}
    assert len(found.classes) == 10


def test_a_corruption_of_other_length_is_refused(corrupted):
    short = np.load(corrupted / "fog.npy")[:10]
    np.save(corrupted / "fog.npy", short)
    with pytest.raises(DataError, match="expected 10 labels, or 2 for one severity, found 15"):
        inventory(CIFAR, corrupted)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "snow.npy").unlink(), "expected an array at .*snow.npy"),
        (lambda folder: (folder / "snow.npy").write_bytes(b"PK"), "cannot be read as a .npy"),
        (
            lambda folder: np.save(folder / "snow.npy", np.load(folder / "snow.npy")[:14]),
            "which is no multiple of 5",
        ),
        (
            lambda folder: np.save(folder / "labels.npy", np.full(15, 10)),
            "expected labels from 0 to 9, found 10",
        ),
    ],
)
def test_faulty_corruptions_are_refused_when_prepared(corrupted, change, message):
    change(corrupted)
    with pytest.raises(DataError, match=message):
        inventory(CIFAR, corrupted)


def test_imagenet_c_is_counted_by_its_classes(tmp_path):
    for name in CORRUPTIONS:
        for level in range(1, 6):
            for kind in ("n01", "n02"):
                folder = tmp_path / "noise" / name / str(level) / kind
                folder.mkdir(parents=True)
                Image.new("RGB", (8, 8)).save(folder / f"{kind}.JPEG")
    found = inventory(replace(dataset("imagenet_c"), classes=2), tmp_path)
    assert (found.splits, found.classes) == ({"val": 2}, ("n01", "n02"))
