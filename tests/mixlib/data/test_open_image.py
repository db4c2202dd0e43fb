"""One opener: every pixel format that has a known range becomes 8-bit RGB, every fault is named."""

from __future__ import annotations

import re
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from mixlib.data.errors import DataError, MissingFileError
from mixlib.data.open_image import image_size, open_image

RAMP = np.arange(256, dtype=np.uint8)[None].repeat(4, 0)


def saved(path, array, **options):
    Image.fromarray(array).save(path, **options)
    return path


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bit_gray_loses_its_low_byte(tmp_path, suffix):
    wide = RAMP.astype(np.uint16) * 256 + 77
    found = np.asarray(open_image(saved(tmp_path / f"x.{suffix}", wide)))
    assert np.array_equal(found, RAMP[..., None].repeat(3, 2))


def test_big_endian_sixteen_bit_gray(tmp_path):
    wide = (RAMP.astype(np.uint16) * 256).astype(">u2")
    image = Image.frombytes("I;16B", (256, 4), wide.tobytes())
    image.save(tmp_path / "x.tif")
    assert len(np.unique(np.asarray(open_image(tmp_path / "x.tif")))) == 256


def test_floating_point_values_from_0_to_1(tmp_path):
    found = open_image(saved(tmp_path / "x.tif", RAMP.astype(np.float32) / 255))
    assert np.array_equal(np.asarray(found)[..., 0], RAMP)


@pytest.mark.parametrize(
    "array",
    [
        RAMP.astype(np.float32),
        -RAMP.astype(np.float32),
        np.full((4, 4), np.nan, np.float32),
        RAMP.astype(np.int32) * 1000,
    ],
    ids=["0..255", "negative", "nan", "32-bit"],
)
def test_values_of_unknown_range_are_refused_with_the_formats_that_are_read(tmp_path, array):
    path = saved(tmp_path / "x.tif", array)
    with pytest.raises(DataError, match=rf"{re.escape(str(path))}: expected 8-bit gray, RGB"):
        open_image(path)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"])
def test_every_mode_is_converted_as_pillow_does(tmp_path, mode):
    path = tmp_path / ("x.tif" if mode == "CMYK" else "x.png")
    Image.fromarray(RAMP).convert("RGB").convert(mode).save(path)
    with Image.open(path) as stored:
        expected = np.asarray(stored.convert("RGB"))
    assert np.array_equal(np.asarray(open_image(path)), expected)


@pytest.mark.parametrize("tag", [1, 3, 6, 8])
def test_orientation_is_applied_where_detection_asks_for_it(tmp_path, tag):
    exif = Image.Exif()
    exif[0x0112] = tag
    path = saved(tmp_path / "x.jpg", RAMP[:, :16], exif=exif)
    assert open_image(path).size == image_size(path) == (16, 4)
    turned = (4, 16) if tag in (6, 8) else (16, 4)
    assert open_image(path, upright=True).size == image_size(path, upright=True) == turned


def cut(path):
    path.write_bytes(path.read_bytes()[:-40])


def flipped(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(bytes(content))


def bomb(path):
    """A header that announces 3 gigapixels."""
    content = bytearray(path.read_bytes())
    content[16:24] = struct.pack(">II", 60_000, 50_000)
    content[29:33] = struct.pack(">I", zlib.crc32(bytes(content[12:29])))
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "bmp", "webp"])
@pytest.mark.parametrize(
    "spoil",
    [cut, lambda p: p.write_bytes(b""), lambda p: p.write_text("<html>"), lambda p: p.unlink()],
    ids=["cut", "empty", "html", "missing"],
)
def test_what_cannot_be_read_is_named(tmp_path, suffix, spoil):
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    path = saved(tmp_path / f"x.{suffix}", noise)
    spoil(path)
    with pytest.raises(DataError, match=re.escape(str(path))) as caught:
        open_image(path)
    assert isinstance(caught.value, MissingFileError) == (not path.exists())


@pytest.mark.parametrize("spoil", [bomb, flipped])
def test_bombs_and_flipped_bits_are_named(tmp_path, spoil):
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    path = saved(tmp_path / "x.png", noise)
    spoil(path)
    with pytest.raises(DataError, match=re.escape(str(path))):
        open_image(path)


def test_an_extreme_shape_keeps_a_pixel():
    from downstream.detection.augment import resize, shortest_edge_size
    from mixlib.data.augment_batch import shorter_side

    for width, height in ((1, 5000), (5000, 1), (2, 4999)):
        size = shortest_edge_size(width, height, 800, 1333)
        assert min(size) >= 1
        assert resize(np.zeros((height, width, 3), np.uint8), size).shape[:2] == size[::-1]
        assert min(shorter_side(height, width, 32)) >= 1
