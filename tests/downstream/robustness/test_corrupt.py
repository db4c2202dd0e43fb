"""The corruption generator: seeds, severities, layouts, and images of any size."""

import numpy as np
import pytest
from PIL import Image

from downstream.errors import InputError
from downstream.robustness import corrupt as module
from downstream.robustness import severities, weather
from downstream.robustness.corrupt import FUNCTIONS, corrupt, corrupt_all, write_cifar_c
from downstream.robustness.corrupted_sets import read_cifar_c
from downstream.robustness.severities import CORRUPTIONS, LEVELS, STANDARD

DETERMINISTIC = {
    "defocus_blur", "zoom_blur", "gaussian_blur", "brightness", "contrast", "saturate",
    "pixelate", "jpeg_compression",
}  # fmt: skip


@pytest.fixture(scope="module")
def images(golden):
    return golden("evaluation/cifar_c_corruptions")["x"]


def test_the_catalog_is_the_benchmark():
    assert tuple(FUNCTIONS) == CORRUPTIONS
    assert (len(STANDARD), len(CORRUPTIONS)) == (15, 19)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_the_seed_decides_everything_random(images, name):
    first, again, other = (corrupt(images, name, 3, seed) for seed in (0, 0, 1))
    assert first.dtype == np.uint8
    assert first.shape == images.shape
    np.testing.assert_array_equal(first, again)
    assert (first == other).all() == (name in DETERMINISTIC)
    assert (first != images).any()


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("shape", [(40, 24), (64, 64)])
def test_images_of_any_size_are_corrupted_and_left_as_they_are(name, shape):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2, *shape, 3), np.uint8)
    before = images.copy()
    assert corrupt(images, name, 5).shape == images.shape
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize("name", sorted(set(CORRUPTIONS) - DETERMINISTIC))
def test_images_of_a_batch_are_drawn_apart(images, name):
    twins = corrupt(np.repeat(images[:1], 2, axis=0), name, 5)
    assert (twins[0] != twins[1]).any()


def test_a_longer_set_starts_with_the_chunks_of_a_shorter_one(images, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 2)
    short, long = (corrupt(images[:count], "snow", 2) for count in (2, 4))
    np.testing.assert_array_equal(short, long[:2])


def test_every_corruption_at_every_severity_is_written_and_read_back(images, tmp_path):
    labels = np.array([3, 8, 1, 6])
    seen = []
    write_cifar_c(images, labels, tmp_path, 5, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (19, 19)
    for name, severity, ours in corrupt_all(images, 5):
        found = read_cifar_c(tmp_path, name, 10)
        np.testing.assert_array_equal(found.images[severity - 1], ours)
        np.testing.assert_array_equal(found.labels, labels)
    assert (severity, name) == (5, CORRUPTIONS[-1])


def test_frost_takes_photographs_of_a_folder(images, tmp_path):
    for number in range(6):
        Image.new("RGB", (200, 250), (40 * number,) * 3).save(tmp_path / f"frost{number + 1}.png")
    textures = weather.read_textures(tmp_path)
    assert [texture.shape for texture in textures] == [(50, 40, 3)] * 5
    out = weather.frost(np.zeros_like(images), 0, np.random.default_rng(0), textures)
    # 0.2 times one of 0, 40, ..., 160: the sixth photograph is not used
    assert set(np.unique(out)) <= {0, 8, 16, 24, 32}
    with pytest.raises(InputError, match="at least 40 x 41"):
        weather.frost(np.zeros((1, 40, 41, 3), np.uint8), 0, np.random.default_rng(0), textures)
    (tmp_path / "frost6.png").unlink()
    (tmp_path / "frost5.png").unlink()
    with pytest.raises(InputError, match="found 4"):
        weather.read_textures(tmp_path)


def test_an_image_that_no_drop_has_hit_is_left_alone():
    clean = np.full((40, 8, 8, 3), 77, np.uint8)
    found = corrupt(clean, "spatter", 1)
    untouched = (found == clean).all((1, 2, 3))
    # most 8-pixel images are hit by nothing at the first severity, and some are
    assert 0 < untouched.sum() < 40


@pytest.mark.parametrize(
    ("images", "name", "severity", "message"),
    [
        (np.zeros((1, 32, 32, 3), np.uint8), "rain", 1, "no corruption 'rain'"),
        (np.zeros((1, 32, 32, 3), np.uint8), "fog", 0, "severity from 1 to 5, found 0"),
        (np.zeros((1, 32, 32, 3), np.uint8), "fog", 6, "severity from 1 to 5, found 6"),
        (np.zeros((1, 32, 32, 3)), "fog", 1, "found float64"),
        (np.zeros((1, 32, 32), np.uint8), "fog", 1, r"shape \[1, 32, 32\]"),
        (np.zeros((0, 32, 32, 3), np.uint8), "fog", 1, "empty test set"),
        (np.zeros((1, 4, 32, 3), np.uint8), "fog", 1, "at least 8 x 8"),
    ],
)
def test_bad_input_is_refused(images, name, severity, message):
    with pytest.raises(InputError, match=message):
        corrupt(images, name, severity)


def test_one_label_an_image_is_needed(images, tmp_path):
    with pytest.raises(InputError, match="found 3 for 4"):
        write_cifar_c(images, np.arange(3), tmp_path)


def test_severities_are_five():
    tables = [value for key, value in vars(severities).items() if isinstance(value, tuple)]
    lists = [table for table in tables if table not in (STANDARD, CORRUPTIONS, severities.EXTRA)]
    assert len(lists) == 20
    assert {len(table) for table in lists} == {len(LEVELS)}
