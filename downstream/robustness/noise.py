"""Noise corruptions: Gaussian, shot, impulse and speckle noise on every color value alone."""

import numpy as np

from downstream.robustness.filters import Pixels, to_bytes
from downstream.robustness.severities import (
    IMPULSE_SHARE,
    NOISE_SIGMA,
    SHOT_PHOTONS,
    SPECKLE_SIGMA,
)


def gaussian_noise(images: Pixels, level: int, rng: np.random.Generator) -> Pixels:
    """Adds normal noise to images uint8 [N, H, W, 3]."""
    return to_bytes(images / 255 + NOISE_SIGMA[level] * rng.standard_normal(images.shape))


def shot_noise(images: Pixels, level: int, rng: np.random.Generator) -> Pixels:
    """Replaces values by Poisson counts of that mean: fewer photons, more noise."""
    photons = SHOT_PHOTONS[level]
    return to_bytes(rng.poisson(images / 255 * photons) / photons)


def impulse_noise(images: Pixels, level: int, rng: np.random.Generator) -> Pixels:
    """Sets a share of the values, not of the pixels, to 0 or 255 with equal probability."""
    hit = rng.random(images.shape) < IMPULSE_SHARE[level]
    extreme = np.where(rng.random(images.shape) < 0.5, 255, 0)
    return np.where(hit, extreme, images).astype(np.uint8)


def speckle_noise(images: Pixels, level: int, rng: np.random.Generator) -> Pixels:
    """Multiplies by one plus normal noise."""
    values = images / 255
    return to_bytes(values + values * SPECKLE_SIGMA[level] * rng.standard_normal(images.shape))
