"""p-values of a few simple hypotheses, each with a tolerance below which nothing is said."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats


def mean_within(values: np.ndarray, tolerance: float = 0.0) -> tuple[float, float]:
    """Mean, and p of the hypothesis that the true mean is at most this far from zero.

    Example:
        >>> mean, p = mean_within(np.array([1.0, 1.1, 0.9, 1.0] * 10))
        >>> round(mean, 2), p < 1e-9
        (1.0, True)
    """
    mean, n = float(values.mean()), len(values)
    error = float(values.std(ddof=1)) / math.sqrt(n)
    excess = abs(mean) - tolerance
    if excess <= 1e-9:
        return mean, 1.0
    if error < 1e-12:
        return mean, 0.0
    return mean, float(min(1.0, 2 * stats.t.sf(excess / error, n - 1)))


def rank_correlations(values: np.ndarray, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """Rank correlations of all columns, and p of the hypotheses that they are at most this far from
    zero; (0, 1) where there is too little to tell.

    Args:
        values: [n, k], NaN where there is no value; a pair of columns is compared where both have
            one.
        tolerance: below which nothing is said.

    Returns:
        r and p, [k, k].
    """
    there = ~np.isnan(values)
    ranks = stats.rankdata(values, axis=0, nan_policy="omit")
    centered = np.where(there, ranks - np.nanmean(ranks, axis=0), 0.0)
    common = there.T.astype(float) @ there
    power = (centered**2).T @ there
    scale = np.sqrt(power * power.T)
    with np.errstate(invalid="ignore", divide="ignore"):
        r = np.where(scale > 1e-9, centered.T @ centered / scale, 0.0)
    excess = np.arctanh(np.minimum(np.abs(r), 1 - 1e-12)) - math.atanh(tolerance)
    # Fieller's standard error of a transformed rank correlation
    z = excess * np.sqrt(np.maximum(common - 3, 0) / 1.06)
    p = np.where((common < 50) | (excess <= 0), 1.0, np.minimum(1.0, 2 * stats.norm.sf(z)))
    return np.where(common < 50, 0.0, r), p


def rank_correlation(x: np.ndarray, y: np.ndarray, tolerance: float) -> tuple[float, float]:
    """The same for two series, ranked where both have a value."""
    there = ~(np.isnan(x) | np.isnan(y))
    r, p = rank_correlations(np.stack([x[there], y[there]], axis=1), tolerance)
    return float(r[0, 1]), float(p[0, 1])


def rate_within(count: int, n: int, low: float, high: float) -> float:
    """p of the hypothesis that a probability lies in [low, high], from count of n."""
    rate = count / n
    if rate < low:
        return float(min(1.0, 2 * stats.binom.cdf(count, n, low)))
    if rate > high:
        return float(min(1.0, 2 * stats.binom.sf(count - 1, n, high)))
    return 1.0


def fewer(count: int, n: int, other: int, m: int) -> float:
    """p of the hypothesis that the first rate is not above the second (Fisher's exact test)."""
    table = [[count, n - count], [other, m - other]]
    return float(stats.fisher_exact(table, alternative="greater").pvalue)
