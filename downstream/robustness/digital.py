"""Digital corruptions: brightness, contrast, saturation, elastic transform, pixelation and JPEG."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from downstream.robustness.filters import Pixels, Values, sample, to_bytes
from downstream.robustness.severities import (
    BRIGHTNESS,
    CONTRAST,
    ELASTIC,
    JPEG_QUALITY,
    PIXELATE,
    SATURATE,
)


def brightness(images: Pixels, level: int, rng: np.random.Generator) -> Pixels:
    """Raises the value (HSV) of images uint8 [N, H, W, 3]; nothing is drawn."""
    hue, saturation, value = _to_hsv(images / 255)
    return to_bytes(_to_rgb(hue, saturation, np.clip(value + BRIGHTNESS[level], 0, 1)))


def saturate(images: Pixels, level: int, rng: np.random.Generator) -> Pixels:
    """Scales and shifts the saturation (HSV); nothing is drawn."""
    factor, offset = SATURATE[level]
    hue, saturation, value = _to_hsv(images / 255)
    return to_bytes(_to_rgb(hue, np.clip(saturation * factor + offset, 0, 1), value))


def contrast(images: Pixels, level: int, rng: np.random.Generator) -> Pixels:
    """Draws values towards their channel's mean over the image; nothing is drawn at random."""
    values = images / 255
    mean = values.mean((1, 2), keepdims=True)
    return to_bytes((values - mean) * CONTRAST[level] + mean)


def pixelate(images: Pixels, level: int, rng: np.random.Generator) -> Pixels:
    """Shrinks and enlarges by area averaging in 8 bits (Pillow); nothing is drawn."""
    height, width = images.shape[1:3]
    small = int(width * PIXELATE[level]), int(height * PIXELATE[level])
    box = Image.Resampling.BOX
    shrunk = (Image.fromarray(image).resize(small, box) for image in images)
    return np.stack([np.asarray(image.resize((width, height), box)) for image in shrunk])


def jpeg_compression(images: Pixels, level: int, rng: np.random.Generator) -> Pixels:
    """Encodes and decodes as JPEG (Pillow, 4:2:0); nothing is drawn."""
    return np.stack([_through_jpeg(image, JPEG_QUALITY[level]) for image in images])


def _through_jpeg(image: Pixels, quality: int) -> Pixels:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    with Image.open(file) as decoded:
        return np.asarray(decoded)


def elastic_transform(images: Pixels, level: int, rng: np.random.Generator) -> Pixels:
    """Warps by a random affine map of three points, then by a smooth displacement field."""
    displacement, smoothing, shift = (share * min(images.shape[1:3]) for share in ELASTIC[level])
    count, height, width, _ = images.shape
    grid = np.stack(np.meshgrid(np.arange(height), np.arange(width), indexing="ij"), -1)
    affine = _affine(count, height, width, shift, rng)
    # [N, H, W, (y, x)]: where in the image each pixel of the result comes from
    origin = np.concatenate([grid, np.ones((height, width, 1))], -1) @ affine[:, None]
    values = (images / 255).astype(np.float32)
    values = sample(values, origin[..., 0], origin[..., 1], edge_twice=False)
    if displacement:
        field = rng.uniform(-1, 1, (count, 2, height, width))
        field = displacement * ndimage.gaussian_filter(
            field, (0, 0, smoothing, smoothing), mode="reflect", truncate=3.0
        )
        values = sample(
            values, grid[..., 0] + field[:, 0], grid[..., 1] + field[:, 1], edge_twice=True
        )
    return to_bytes(values)


def _affine(
    count: int, height: int, width: int, shift: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Maps [N, 3, 2] from rows (y, x, 1) of the result to (y, x) of the image.

    Three points a third of the side around the middle move by up to ``shift`` pixels.
    """
    middle, third = np.array((height, width)) // 2, min(height, width) // 3
    corners = middle + third * np.array([[1, 1], [-1, 1], [-1, -1]])
    moved = corners + rng.uniform(-shift, shift, (count, 3, 2))
    ones = np.ones((count, 3, 1))
    return np.linalg.solve(np.concatenate([moved, ones], -1), np.broadcast_to(corners, moved.shape))


def _to_hsv(rgb: Values) -> tuple[Values, Values, Values]:
    """Hue, saturation and value [N, H, W], each in [0, 1], of colors [N, H, W, 3]."""
    value, spread = rgb.max(-1), np.ptp(rgb, -1)
    red, green, blue = np.moveaxis(rgb, -1, 0)
    # gray has no hue: any divisor does, because its differences are zero
    divisor = np.where(spread == 0, 1, spread)
    hue = np.where(
        blue == value,
        4 + (red - green) / divisor,
        np.where(green == value, 2 + (blue - red) / divisor, (green - blue) / divisor),
    )
    hue = np.where(spread == 0, 0, hue / 6 % 1)
    return hue, spread / np.where(value == 0, 1, value), value


def _to_rgb(hue: Values, saturation: Values, value: Values) -> Values:
    """Colors [N, H, W, 3] of hue, saturation and value [N, H, W]."""
    sextant = np.floor(hue * 6)
    part = hue * 6 - sextant
    low = value * (1 - saturation)
    falling = value * (1 - part * saturation)
    rising = value * (1 - (1 - part) * saturation)
    which = sextant.astype(np.int64) % 6
    channels = (
        (value, falling, low, low, rising, value),
        (rising, value, value, falling, low, low),
        (low, low, rising, value, value, falling),
    )
    return np.stack([np.choose(which, channel) for channel in channels], -1)
