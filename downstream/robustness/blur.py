"""Blur corruptions: defocus, glass, motion, zoom and Gaussian blur."""

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from downstream.robustness.filters import (
    Pixels,
    blur_along,
    gaussian,
    to_bytes,
    zoom_into_center,
)
from downstream.robustness.severities import BLUR_SIGMA, DEFOCUS, GLASS, MOTION, ZOOM_STOP

ANGLES = (-45, 45)
"""Degrees between which the direction of motion is drawn."""


def defocus_blur(images: Pixels, level: int, rng: np.random.Generator) -> Pixels:
    """Averages images uint8 [N, H, W, 3] over a smoothed disk; nothing is drawn."""
    kernel = _disk(*DEFOCUS[level]).astype(np.float64)
    return to_bytes(ndimage.correlate(images / 255, kernel[None, :, :, None], mode="mirror"))


def _disk(radius: float, sigma: float) -> NDArray[np.float32]:
    """A disk that sums to one, its rim smoothed by a 3 x 3 Gaussian."""
    offset = np.arange(-8, 9)
    disk = (offset[:, None] ** 2 + offset**2 <= radius**2).astype(np.float32)
    smooth: NDArray[np.float32] = cv2.GaussianBlur(disk / disk.sum(), (3, 3), sigmaX=sigma)
    return smooth


def glass_blur(images: Pixels, level: int, rng: np.random.Generator) -> Pixels:
    """Copies each pixel from a neighbor at random, between two blurs.

    The pixels follow one another from the lower right, so a value may travel far. The published
    code means to exchange the two pixels, but copies: only the copy reproduces its images.
    """
    sigma, shift, passes = GLASS[level]
    count, height, width, _ = images.shape
    pixels = to_bytes(gaussian(images / 255, sigma))
    each = np.arange(count)
    for _ in range(passes):
        moves = rng.integers(-shift, shift, (height, width, 2, count))
        for y in range(height - shift, shift, -1):
            for x in range(width - shift, shift, -1):
                down, right = moves[y - 1, x - 1]
                pixels[:, y, x] = pixels[each, y + down, x + right]
    return to_bytes(gaussian(pixels / 255, sigma))


def motion_blur(images: Pixels, level: int, rng: np.random.Generator) -> Pixels:
    """Smears each image along a direction of its own."""
    radius, sigma = MOTION[level]
    return blur_along(images, int(radius), sigma, rng.uniform(*ANGLES, (len(images),)))


def zoom_blur(images: Pixels, level: int, rng: np.random.Generator) -> Pixels:
    """Averages the image with enlargements of its middle; nothing is drawn."""
    values = (images / 255).astype(np.float32)
    # arange overshoots its end at the first two levels: those factors are part of the benchmark
    factors = np.arange(1, ZOOM_STOP[level], 0.01)
    total = np.zeros_like(values)
    for factor in factors.tolist():
        total += zoom_into_center(values, factor)
    return to_bytes((values + total) / (len(factors) + 1))


def gaussian_blur(images: Pixels, level: int, rng: np.random.Generator) -> Pixels:
    """Blurs by a Gaussian; nothing is drawn."""
    return to_bytes(gaussian(images / 255, BLUR_SIGMA[level]))
