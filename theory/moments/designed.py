"""Exact moments of designed laws (random cosines, thresholded Gaussian fields, random modes) and of
mixtures of laws: what :mod:`theory.design` inverts.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Int
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, owens_t
from torch import Tensor

from mixlib.core.lam import LamLaw
from mixlib.masks.designed import Cosines, Field, Mixture, Modes

from .exact import Moments, Share, exact_moments, label_rule, require_drawn
from .lam import mixup_coefficient, nodes
from .torus import stationary


def folded_second_moment(lam: LamLaw) -> float:
    """E[min(lambda, 1 - lambda)^2]: the room around lambda that a symmetric mask has."""
    points, weights = nodes(lam, np.array([0.5]))
    return float(weights @ np.minimum(points, 1 - points) ** 2)


def field_covariance(correlation: NDArray, lam: LamLaw) -> NDArray:
    """E_lambda[P(Z > z, Z' > z) - lambda^2], z the (1 - lambda)-quantile, for a standard normal
    pair of the given correlation: by Owen's T, elementwise."""
    points, weights = nodes(lam, np.array([0.01, 0.1, 0.5, 0.9, 0.99]))
    ratio = np.sqrt((1 - correlation) / np.maximum(1 + correlation, 1e-300))
    total = np.zeros_like(correlation)
    for point, weight in zip(points, weights, strict=True):
        z = ndtri(1 - point)
        total += weight * (ndtr(-z) - 2 * owens_t(z, ratio) - point**2)
    return total


@exact_moments.register
def _(
    law: Mixture,
    lam: LamLaw,
    size: tuple[int, int],
    rows: Int[Tensor, " r"] | None = None,
    share: Share = "law",
) -> Moments:
    total = sum(law.weights)
    # every part follows the mixture's label rule
    rule = label_rule(law, share)
    parts = [
        (w / total, exact_moments(part, lam, size, rows, rule))
        for part, w in zip(law.laws, law.weights, strict=True)
    ]
    weights = torch.tensor([w for w, _ in parts], dtype=torch.float64)
    first, second = torch.stack([m.a for _, m in parts]), torch.stack([m.A for _, m in parts])
    return Moments(size, weights @ first, torch.einsum("k,krs->rs", weights, second), rows)


@exact_moments.register
def _(
    law: Cosines,
    lam: LamLaw,
    size: tuple[int, int],
    rows: Int[Tensor, " r"] | None = None,
    share: Share = "law",
) -> Moments:
    require_drawn(law, share)
    h, w = size
    weights = np.array(law.weights) / sum(law.weights)
    k = np.array(law.frequencies)
    down, across = np.arange(h)[:, None, None], np.arange(w)[None, :, None]
    waves = np.cos(2 * np.pi * (k[:, 0] * down / h + k[:, 1] * across / w))
    return stationary(
        size,
        rows,
        2 * mixup_coefficient(lam),
        mixup_coefficient(lam) + folded_second_moment(lam) / 2 * (waves @ weights),
    )


@exact_moments.register
def _(
    law: Field,
    lam: LamLaw,
    size: tuple[int, int],
    rows: Int[Tensor, " r"] | None = None,
    share: Share = "law",
) -> Moments:
    require_drawn(law, share)
    profile = torch.fft.ifft2(law.spectrum / law.spectrum.mean()).real.numpy()
    lag = mixup_coefficient(lam) + field_covariance(np.clip(profile, -1, 1), lam)
    return stationary(size, rows, 2 * mixup_coefficient(lam), lag)


@exact_moments.register
def _(
    law: Modes,
    lam: LamLaw,
    size: tuple[int, int],
    rows: Int[Tensor, " r"] | None = None,
    share: Share = "law",
) -> Moments:
    require_drawn(law, share)
    flat = law.modes.flatten(1)
    weighted = flat * (law.weights / law.weights.sum())[:, None]
    second = (
        mixup_coefficient(lam)
        + folded_second_moment(lam) * (weighted.T if rows is None else weighted.T[rows]) @ flat
    )
    first = torch.full((flat.shape[1],), 2 * mixup_coefficient(lam), dtype=torch.float64)
    return Moments(size, first, second, rows)
