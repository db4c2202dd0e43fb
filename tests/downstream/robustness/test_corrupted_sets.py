"""Readers of corruption benchmarks: official layouts, any number of images, and broken files."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from downstream.errors import InputError
from downstream.robustness.corrupted_sets import read_cifar_c, read_imagenet_c
from downstream.robustness.scores import accuracy_of
from downstream.robustness.severities import CORRUPTIONS
from mixlib.data.errors import DataError


@pytest.fixture
def folder(tmp_path):
    """CIFAR-C layout with three images."""
    images = np.arange(15, dtype=np.uint8)[:, None, None, None] * np.ones((1, 8, 8, 3), np.uint8)
    np.save(tmp_path / "fog.npy", images)
    np.save(tmp_path / "labels.npy", np.tile([0, 1, 1], 5))
    return tmp_path


def test_severities_are_blocks(folder):
    found = read_cifar_c(folder, "fog", 2)
    assert found.images.shape == (5, 3, 8, 8, 3)
    assert found.images[4, 0, 0, 0, 0] == 12
    assert found.labels.tolist() == [0, 1, 1]


def test_labels_of_one_severity_are_enough(folder):
    np.save(folder / "labels.npy", np.array([0, 1, 1]))
    assert read_cifar_c(folder, "fog", 2).labels.tolist() == [0, 1, 1]


BROKEN = {
    "no such corruption": ("rain", lambda folder: None, "no corruption 'rain'"),
    "missing": ("snow", lambda folder: None, r"snow\.npy, found only fog, labels"),
    "corrupt": (
        "fog",
        lambda folder: (folder / "fog.npy").write_bytes(b"\x93NUMPY no more"),
        r"fog\.npy: cannot be read as a \.npy array",
    ),
    "cut short": (
        "fog",
        lambda folder: (folder / "fog.npy").write_bytes((folder / "fog.npy").read_bytes()[:-9]),
        r"fog\.npy: cannot be read as a \.npy array",
    ),
    "empty file": ("fog", lambda folder: (folder / "fog.npy").write_bytes(b""), "cannot be read"),
    "not a multiple of five": (
        "fog",
        lambda folder: np.save(folder / "fog.npy", np.zeros((14, 8, 8, 3), np.uint8)),
        "14, which is no multiple of 5",
    ),
    "other kind": (
        "fog",
        lambda folder: np.save(folder / "fog.npy", np.zeros((15, 8, 8, 3))),
        "found float64",
    ),
    "no image": (
        "fog",
        lambda folder: np.save(folder / "fog.npy", np.zeros((0, 8, 8, 3), np.uint8)),
        "empty test set",
    ),
    "wrong number of severities": (
        "fog",
        lambda folder: np.save(folder / "labels.npy", np.tile([0, 1, 1], 4)),
        "found 12: wrong number of severities",
    ),
    "labels not in blocks": (
        "fog",
        lambda folder: np.save(folder / "labels.npy", np.repeat([0, 1, 1], 5)),
        "blocks that differ",
    ),
    "label beyond the classes": (
        "fog",
        lambda folder: np.save(folder / "labels.npy", np.tile([0, 1, 2], 5)),
        "expected labels from 0 to 1, found 2 at image 2",
    ),
    "labels that are none": (
        "fog",
        lambda folder: np.save(folder / "labels.npy", np.zeros(15)),
        "expected integer labels",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_cifar_c_folders_are_refused(folder, case):
    name, breaks, message = BROKEN[case]
    breaks(folder)
    with pytest.raises(InputError, match=message):
        read_cifar_c(folder, name, 2)


@pytest.fixture
def imagenet_c(tmp_path):
    for severity in range(1, 6):
        for wnid, image in (("n01", "a"), ("n01", "b"), ("n02", "c")):
            path = tmp_path / "blur" / "defocus_blur" / str(severity) / wnid / f"{image}.JPEG"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("L", (20, 16), 40 * severity).save(path)
    return tmp_path


@pytest.mark.parametrize("below", ["", "blur"])
def test_imagenet_c_with_and_without_groups(imagenet_c, below):
    found = read_imagenet_c(imagenet_c / below, "defocus_blur", 3)
    assert found.classes == ("n01", "n02")
    assert found.labels.tolist() == [0, 0, 1]
    assert found.image(2).mode == "RGB"
    assert found.image(2).getpixel((0, 0)) == (120, 120, 120)


def test_broken_imagenet_c_folders_are_refused(imagenet_c):
    folder = imagenet_c / "blur" / "defocus_blur"
    with pytest.raises(InputError, match="expected a folder fog, found defocus_blur"):
        read_imagenet_c(imagenet_c, "fog", 1)
    found = read_imagenet_c(imagenet_c, "defocus_blur", 1)
    found.paths[0].write_bytes(b"no image")
    with pytest.raises(DataError, match=r"a\.JPEG: expected a readable image"):
        found.image(0)
    (folder / "4" / "n02" / "c.JPEG").rename(folder / "4" / "n02" / "d.JPEG")
    with pytest.raises(InputError, match=r"severity 4 \(3\)"):
        read_imagenet_c(imagenet_c, "defocus_blur", 1)
    (folder / "5").rename(folder / "6")
    with pytest.raises(InputError, match="1, 2, 3, 4, 6: wrong number of severities"):
        read_imagenet_c(imagenet_c, "defocus_blur", 1)


@pytest.mark.data
@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_published_layout_with_ten_images(mix_data, name):
    found = read_cifar_c(mix_data / "CIFAR-10-C", name, 10)
    assert found.images.shape == (5, 10, 32, 32, 3)
    assert sorted(found.labels.tolist()) == list(range(10))

    class Last(nn.Module):
        def forward(self, x):
            return nn.functional.one_hot(torch.full((len(x),), 9), 10).float()

    def prepare(images):
        return torch.from_numpy(images)

    assert accuracy_of(Last(), found.images[2], found.labels, prepare, batch=4) == 10
