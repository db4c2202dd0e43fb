"""Laws that lambda and box areas should follow, as distributions of the own image's share.

A box with a wanted area of 1 - lambda loses something to whole pixels and to the border, and public
code rounds in several ways.  All of them are drawn here; a sample fits the law if it fits one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import stats

from mixlib.audit.claims import Size

DRAWS = 30_000
Ends = tuple[np.ndarray, np.ndarray]


def _released(side: np.ndarray, length: int, rng: np.random.Generator) -> Ends:
    half = np.floor(side * length).astype(int) // 2
    center = rng.integers(0, length, len(side))
    return center - half, center + half


def _kept(side: np.ndarray, length: int, rng: np.random.Generator) -> Ends:
    cut = np.floor(side * length).astype(int)
    center = rng.integers(0, length, len(side))
    return center - cut // 2, center + (cut + 1) // 2


def _halved(side: np.ndarray, length: int, rng: np.random.Generator) -> Ends:
    half = np.floor(0.5 * side * length).astype(int)
    center = rng.integers(0, length, len(side))
    return center - half, center + half


def _continuous(side: np.ndarray, length: int, rng: np.random.Generator) -> Ends:
    center = rng.random(len(side)) * length
    half = side * length / 2
    return np.rint(center - half).astype(int), np.rint(center + half).astype(int)


def _inside(side: np.ndarray, length: int, rng: np.random.Generator) -> Ends:
    cut = np.floor(side * length).astype(int)
    low = np.floor(rng.random(len(side)) * (length - cut + 1)).astype(int)
    return low, low + cut


def _inside_rounded(side: np.ndarray, length: int, rng: np.random.Generator) -> Ends:
    cut = np.rint(side * length).astype(int)
    low = np.floor(rng.random(len(side)) * (length - cut + 1)).astype(int)
    return low, low + cut


CONVENTIONS: dict[str, Callable[[np.ndarray, int, np.random.Generator], Ends]] = {
    "cut at the border, odd sides lose a pixel": _released,
    "cut at the border, odd sides kept": _kept,
    "cut at the border, sides even": _halved,
    "cut at the border, edges rounded": _continuous,
    "inside the image, sides rounded down": _inside,
    "inside the image, sides rounded": _inside_rounded,
}


@lru_cache(maxsize=256)
def box_shares(convention: str, beta: tuple[float, float], size: Size) -> np.ndarray:
    """Own shares of boxes with lambda ~ Beta(a, b), sorted; drawn once and kept.

    Args:
        convention: a key of ``CONVENTIONS``.
        beta: a and b.
        size: height and width in pixels.
    """
    rng = np.random.default_rng([ord(convention[0]), len(convention), *size])
    side = np.sqrt(1 - rng.beta(*beta, DRAWS))
    area = np.ones(DRAWS)
    for length in size:
        low, high = CONVENTIONS[convention](side, length, rng)
        area *= (np.clip(high, 0, length) - np.clip(low, 0, length)) / length
    return np.sort(1 - area)


@dataclass(frozen=True)
class Fit:
    """How well shares fit a law.

    Attributes:
        law: in words.
        p: of a Kolmogorov-Smirnov test.
        distance: its statistic.
        seen: probability that a draw of this law is visible at all.
    """

    law: str
    p: float
    distance: float
    seen: float


def fit_weights(share: np.ndarray, beta: tuple[float, float], step: float) -> Fit:
    """Visible shares against Beta(a, b).

    Args:
        share: of the own image, in steps of ``step``.
        beta: a and b.
        step: distance from one at which a share cannot be told from one; shares are compared with
            the law at the middle of their steps, so rounding does no harm.
    """
    law = stats.beta(*beta)
    seen = float(law.cdf(1 - step / 2))
    title = f"Beta({beta[0]:g}, {beta[1]:g})"
    if step < 1e-4:
        test = stats.kstest(np.minimum(share, 1 - step / 2), lambda x: law.cdf(x) / seen)
        return Fit(title, float(test.pvalue), float(test.statistic), seen)
    grid = np.arange(0, 1, step)
    below = np.searchsorted(np.sort(share), grid + step / 2) / len(share)
    distance = float(np.abs(below - law.cdf(grid + step / 2) / seen).max())
    return Fit(title, float(stats.kstwo.sf(distance, len(share))), distance, seen)


def fit_boxes(share: np.ndarray, beta: tuple[float, float], size: Size) -> list[Fit]:
    """Visible shares of boxes against every convention, best first."""
    found = []
    for name in CONVENTIONS:
        law = box_shares(name, beta, size)
        visible = law[law < 1 - 1e-9]
        # sums of float32 masks miss the pixel count by their rounding
        test = stats.ks_2samp(np.round(share, 5), np.round(visible, 5), method="asymp")
        seen = len(visible) / len(law)
        title = f"Beta({beta[0]:g}, {beta[1]:g}), boxes {name}"
        found.append(Fit(title, float(test.pvalue), float(test.statistic), seen))
    return sorted(found, key=lambda fit: fit.distance)


GRID = (0.1, 0.2, 0.3, 0.4, 0.5, 0.8, 1.0, 1.5, 2.0, 3.0, 4.0, 8.0)


def nearest_box_law(share: np.ndarray, size: Size) -> Fit:
    """The best fit over symmetric laws and conventions, at an alpha of a coarse grid."""
    return min(
        (fit_boxes(share, (alpha, alpha), size)[0] for alpha in GRID), key=lambda f: f.distance
    )


def fitted_beta(share: np.ndarray) -> tuple[float, float]:
    """a and b by moments: mean m and variance v give a + b = m (1 - m) / v - 1."""
    mean, spread = float(share.mean()), float(share.var())
    total = max(mean * (1 - mean) / max(spread, 1e-12) - 1, 1e-3)
    return mean * total, (1 - mean) * total


def explain_weights(share: np.ndarray, step: float) -> str:
    """What visible weights of the own image look like, in words."""
    if share.min() >= 0.5:
        a, b = fitted_beta(np.concatenate([share, 1 - share]))
        folded = f"the larger of lambda and 1 - lambda, lambda near Beta({a:.2f}, {b:.2f})"
        return f"never below one half, as {folded}"
    a, b = fitted_beta(share)
    good = fit_weights(share, (a, b), step).p > 1e-4
    return f"near Beta({a:.2f}, {b:.2f})" if good else "no Beta law"
