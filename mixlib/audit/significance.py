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


def rank_correlation(x: np.ndarray, y: np.ndarray, tolerance: float) -> tuple[float, float]:
    """Spearman's correlation, and p of the hypothesis that it is at most this far from zero; (0, 1)
    where one of them hardly varies."""
    if len(x) < 50 or min(x.std(), y.std()) < 1e-9:
        return 0.0, 1.0
    r = float(stats.spearmanr(x, y).statistic)
    excess = math.atanh(min(abs(r), 1 - 1e-12)) - math.atanh(tolerance)
    if excess <= 0:
        return r, 1.0
    # Fieller's standard error of a transformed rank correlation
    return r, float(min(1.0, 2 * stats.norm.sf(excess * math.sqrt((len(x) - 3) / 1.06))))


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
