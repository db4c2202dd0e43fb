"""Weather corruptions: snow, frost and fog, with frost textures of our own."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.special import ndtri

from downstream.errors import InputError
from downstream.robustness.filters import (
    Pixels,
    blur_along,
    plasma,
    to_bytes,
    zoom_into_center,
)
from downstream.robustness.severities import FOG, FROST, SNOW
from mixlib.data.open_image import open_image

LUMA = np.array((0.299, 0.587, 0.114), np.float32)
"""Weights of red, green and blue in gray (ITU-R BT.601)."""
TEXTURES = 5
TEXTURE_SIDE = 192
TEXTURE_SCALE = 0.2
"""Size at which photographs of frost are used, relative to their own."""
TEXTURE_MEAN, TEXTURE_DEVIATION = 166.0, 54.0
"""Gray levels of our textures; with them the recorded distortion of frost is met."""


def snow(images: Pixels, level: int, rng: np.random.Generator) -> Pixels:
    """Whitens images uint8 [N, H, W, 3] and lets blurred flakes fall twice, half a turn apart."""
    mean, deviation, zoom, threshold, radius, sigma, kept = SNOW[level]
    count, height, width, _ = images.shape
    noise = zoom_into_center(rng.normal(mean, deviation, (count, height, width, 1)), zoom)
    noise[noise < threshold] = 0
    angles = rng.uniform(-135, -45, (count,))
    flakes = blur_along(to_bytes(noise), int(radius), sigma, angles) / 255
    values = (images / 255).astype(np.float32)
    gray = (values @ LUMA)[..., None]
    pale = kept * values + (1 - kept) * np.maximum(values, 1.5 * gray + 0.5)
    return to_bytes(pale + flakes + flakes[:, ::-1, ::-1])


def frost(
    images: Pixels,
    level: int,
    rng: np.random.Generator,
    textures: Sequence[Pixels] | None = None,
) -> Pixels:
    """Adds a random window of a random frost texture.

    Args:
        textures: uint8 [h, w, 3] each, at the size at which they are used (:func:`read_textures`);
            None: generated ones, because the published photographs are not part of this project.
    """
    own, added = FROST[level]
    textures = frost_textures() if textures is None else textures
    count, height, width, _ = images.shape
    chosen = rng.integers(len(textures), size=count)
    corner = rng.random((count, 2))
    layer = np.empty(images.shape)
    for number, texture in enumerate(textures):
        room = np.array(texture.shape[:2]) - (height, width)
        if room.min() < 0:
            raise InputError(
                f"expected frost textures of at least {height} x {width} pixels, found one of "
                f"{texture.shape[0]} x {texture.shape[1]}: use larger photographs"
            )
        mine = np.flatnonzero(chosen == number)
        top, left = (corner[mine] * (room + 1)).astype(np.int64).T
        y, x = top[:, None] + np.arange(height), left[:, None] + np.arange(width)
        layer[mine] = texture[y[:, :, None], x[:, None, :]]
    return np.clip(own * images + added * layer, 0, 255).astype(np.uint8)


@lru_cache(maxsize=1)
def frost_textures() -> tuple[Pixels, ...]:
    """Five generated textures uint8 [192, 192, 3]: crystals as ridges of fractal noise, bluish.

    Gray levels follow a normal law of :data:`TEXTURE_MEAN` and :data:`TEXTURE_DEVIATION`, whose
    contribution to the image equals the one recorded for the published textures.
    """
    rng = np.random.default_rng(2019)
    side = 1 << (TEXTURE_SIDE - 1).bit_length()
    clouds = plasma(2 * TEXTURES, side, 1.5, rng).reshape(TEXTURES, 2, side, side)
    ridges = 1 - np.abs(2 * clouds[:, 0] - 1) + 0.5 * clouds[:, 1]
    ridges = ridges[:, :TEXTURE_SIDE, :TEXTURE_SIDE]
    # ranks mapped to normal quantiles, so that every texture has the same gray levels
    order = ridges.reshape(TEXTURES, -1).argsort(1).argsort(1)
    uniform = (order + 0.5) / order.shape[1]
    gray = TEXTURE_MEAN + TEXTURE_DEVIATION * ndtri(uniform)
    tint = np.array((-6.0, 0.0, 6.0))
    colors = gray.reshape(TEXTURES, TEXTURE_SIDE, TEXTURE_SIDE, 1) + tint
    return tuple(np.clip(colors, 0, 255).astype(np.uint8))


def read_textures(folder: Path) -> tuple[Pixels, ...]:
    """The first five photographs ``frost*`` of a folder, scaled by 0.2 as the benchmark does.

    Raises:
        InputError: there are fewer than five.
        DataError: one of them is no image.
    """
    paths = sorted(folder.glob("frost*"))
    if len(paths) < TEXTURES:
        raise InputError(
            f"{folder}: expected at least {TEXTURES} images frost*, found {len(paths)}: leave the "
            "folder out to use generated textures"
        )
    found = []
    for path in paths[:TEXTURES]:
        picture = open_image(path)
        size = tuple(round(side * TEXTURE_SCALE) for side in picture.size)
        small = picture.resize((size[0], size[1]), Image.Resampling.BILINEAR)
        found.append(np.asarray(small, np.uint8))
    return tuple(found)


def fog(images: Pixels, level: int, rng: np.random.Generator) -> Pixels:
    """Adds a fractal cloud and scales back to the image's own largest value."""
    weight, decay = FOG[level]
    count, height, width, _ = images.shape
    side = 1 << (max(height, width) - 1).bit_length()
    clouds: NDArray[np.float64] = plasma(count, side, decay, rng)[:, :height, :width, None]
    values = images / 255
    largest = values.max((1, 2, 3), keepdims=True)
    return to_bytes((values + weight * clouds) * largest / (largest + weight))
