"""Coefficients of the regularizer that a mixing function amounts to, from its masks and labels.

Park et al., "A Unified Analysis of Mixed Sample Data Augmentation: A Loss Function Perspective",
NeurIPS 2022: to second order a mixed loss penalizes products of input gradients at the pixels j and
k by

    A_jk = E[w u_j u_k + (1 - w) (1 - u_j) (1 - u_k)],

where u = 1 - M is the partner's share at a pixel and w the own label share.  Here averaged over all
pairs with one displacement.  Mixup has c2 = E[w (1 - w)] everywhere: what exceeds c2 is what masks
add.  Where several partners meet in one image they count as one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import fft

MOST = 2000


@dataclass(frozen=True)
class Coefficients:
    """Second moments by displacement.

    Attributes:
        by_displacement: [2h - 1, 2w - 1], zero displacement in the middle.
        mixup: c2, the value that all entries would have with one weight for all pixels.
        draws: masks that they were estimated from.
    """

    by_displacement: Float[np.ndarray, "Y X"]
    mixup: float
    draws: int

    def at_distance(self, distance: float) -> float:
        """Mean over displacements whose length rounds to this distance in pixels."""
        height, width = self.by_displacement.shape
        down = np.arange(height) - height // 2
        right = np.arange(width) - width // 2
        length = np.hypot(down[:, None], right[None])
        ring = np.abs(length - distance) <= 0.5
        # pairs of a displacement that fit into the image
        fits = ((height + 1) // 2 - np.abs(down))[:, None] * ((width + 1) // 2 - np.abs(right))
        return float(np.average(self.by_displacement[ring], weights=fits[ring]))

    def distances(self) -> list[int]:
        """0, 1, 2, 4, ... up to the image's shorter side."""
        side = (min(self.by_displacement.shape) + 1) // 2
        found = [0, 1]
        while found[-1] * 2 < side:
            found.append(found[-1] * 2)
        return found


def by_displacement(
    own: Float[np.ndarray, "n h w"], weight: Float[np.ndarray, " n"]
) -> Coefficients:
    """Coefficients of a sample of masks.

    Args:
        own: weight of the own image at each pixel.
        weight: its share of the label.

    Example:
        >>> flat = np.full((2, 4, 4), 0.25)
        >>> found = by_displacement(flat, np.full(2, 0.25))
        >>> round(found.at_distance(2), 4), found.mixup
        (0.1875, 0.1875)
    """
    own, weight = own[:MOST].astype(np.float64), weight[:MOST]
    partner = _correlation(1 - own, weight)
    kept = _correlation(own, 1 - weight)
    ones = _correlation(np.ones((1, *own.shape[1:])), np.ones(1))
    table = (partner + kept) / len(own) / np.rint(ones)
    return Coefficients(table, float((weight * (1 - weight)).mean()), len(own))


def _correlation(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Sum over n of weight[n] times the sum over all pixel pairs with one displacement."""
    height, width = x.shape[1:]
    full = (2 * height - 1, 2 * width - 1)
    spectrum = fft.rfft2(x, full)
    power = np.einsum("n,nyx->yx", weight, np.abs(spectrum) ** 2)
    return np.fft.fftshift(fft.irfft2(power, full))
