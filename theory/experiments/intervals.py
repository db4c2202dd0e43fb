"""Intervals over repetitions: of a mean (Student's t), and of anything computed from repetitions
(bootstrap, Efron 1979); and rank correlation (Kendall's tau-b)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import expit

DRAWS = 2000


class Interval(NamedTuple):
    """A value with its 95 % interval.

    Example:
        >>> Interval(0.5, 0.1, 0.9).text(2, 100, " %")
        '50.00 % (10.00 .. 90.00)'
        >>> Interval(0.5, 0.1, 0.9).sign, Interval(0.5, -0.1, 0.9).sign
        (1, 0)
    """

    value: float
    low: float
    high: float

    @property
    def sign(self) -> int:
        """1 or -1 where the whole interval lies on that side of 0, else 0."""
        return int(self.low > 0) - int(self.high < 0)

    def text(self, digits: int, scale: float = 1.0, unit: str = "", plus: bool = False) -> str:
        """The value, and its interval in brackets."""
        value, low, high = (_printed(scale * v, digits, plus) for v in self)
        return f"{value}{unit} ({low} .. {high})"


def _printed(value: float, digits: int, plus: bool) -> str:
    """A number; what rounds to zero has no sign.

    Example:
        >>> _printed(-0.001, 2, plus=True), _printed(0.01, 2, plus=True)
        ('0.00', '+0.01')
    """
    text = f"{value:+.{digits}f}" if plus else f"{value:.{digits}f}"
    return text if float(text) else f"{0:.{digits}f}"


def mean_interval(values: Sequence[float], level: float = 0.95) -> Interval:
    """Mean of repetitions with its interval by Student's t; one repetition has none.

    Example:
        >>> mean_interval([1.0, 1.0, 1.0])
        Interval(value=1.0, low=1.0, high=1.0)
    """
    found = np.asarray(values, dtype=float)
    n, mean = len(found), float(found.mean())
    if n < 2:
        return Interval(mean, -np.inf, np.inf)
    reach = _quantile(level, n - 1) * float(found.std(ddof=1)) / n**0.5
    return Interval(mean, mean - reach, mean + reach)


def _quantile(level: float, freedom: float) -> float:
    return float(stats.t.ppf((1 + level) / 2, freedom))


def share_interval(values: Sequence[float]) -> Interval:
    """Mean of shares (accuracies) with a 95 % interval that stays within [0, 1]: Student's t for
    the logit of the mean (delta method).

    Example:
        >>> share_interval([0.99, 1.0, 1.0, 0.985]).text(1, 100)
        '99.4 (95.9 .. 99.9)'
        >>> share_interval([0.7])
        Interval(value=0.7, low=0.0, high=1.0)
    """
    mean, low, high = mean_interval(values)
    if not 0 < mean < 1:
        return Interval(mean, mean, mean) if len(values) > 1 else Interval(mean, 0.0, 1.0)
    middle, reach = np.log(mean / (1 - mean)), (high - low) / 2 / (mean * (1 - mean))
    return Interval(mean, *(float(expit(middle + side * reach)) for side in (-1, 1)))


def positive_interval(values: Sequence[float]) -> Interval:
    """Mean of positive values (losses) with a 95 % interval that stays above 0: Student's t for
    the logarithm of the mean (delta method).

    Example:
        >>> positive_interval([1.0, 1.0, 1.0])
        Interval(value=1.0, low=1.0, high=1.0)
    """
    mean, low, high = mean_interval(values)
    factor = float(np.exp((high - low) / 2 / mean))
    return Interval(mean, mean / factor, mean * factor)


def paired(first: Sequence[float], second: Sequence[float], level: float = 0.95) -> Interval:
    """Mean of the differences first - second on the same seeds."""
    return mean_interval([a - b for a, b in zip(first, second, strict=True)], level)


def unpaired(first: Sequence[float], second: Sequence[float]) -> Interval:
    """Difference of two means on different seeds, with its 95 % interval by Welch's t; a group of
    one has none.

    Example:
        >>> unpaired([1.0, 1.0], [0.5, 0.5, 0.5])
        Interval(value=0.5, low=0.5, high=0.5)
    """
    groups = [np.asarray(values, dtype=float) for values in (first, second)]
    value = float(groups[0].mean() - groups[1].mean())
    if min(map(len, groups)) < 2:
        return Interval(value, -np.inf, np.inf)
    parts = [float(g.var(ddof=1)) / len(g) for g in groups]
    error = sum(parts)
    if not error:
        return Interval(value, value, value)
    freedom = error**2 / sum(v**2 / (len(g) - 1) for v, g in zip(parts, groups, strict=True))
    reach = _quantile(0.95, freedom) * error**0.5
    return Interval(value, value - reach, value + reach)


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float:
    """Kendall's tau-b; 0 where one of the two does not vary.

    Example:
        >>> rank_correlation([1, 2, 3], [10, 20, 30])
        1.0
    """
    # a bootstrap asks thousands of times: signs of all pairs, not scipy's p-value
    signs = [np.sign(np.subtract.outer(v, v)) for v in (np.asarray(first), np.asarray(second))]
    untied = np.sqrt(np.prod([np.abs(sign).sum() for sign in signs]))
    return float((signs[0] * signs[1]).sum() / untied) if untied else 0.0


def bootstrap(
    value: Callable[[NDArray[np.intp]], float], count: int, seed: int = 0, draws: int = DRAWS
) -> Interval:
    """95 % percentile interval of a value of repetitions.

    Args:
        value: of the chosen repetitions, indices below ``count``, drawn with replacement.
    """
    rng = np.random.default_rng(seed)
    found = [value(rng.integers(0, count, count)) for _ in range(draws)]
    low, high = np.quantile(found, [0.025, 0.975])
    return Interval(value(np.arange(count)), float(low), float(high))


def chance(found: Interval) -> str:
    """What a rank correlation says: better or worse than chance, or neither is decided.

    Example:
        >>> chance(Interval(0.3, -0.1, 0.6))
        'neither decidedly better nor decidedly worse than chance'
    """
    return {
        1: "better than chance",
        0: "neither decidedly better nor decidedly worse than chance",
        -1: "worse than chance",
    }[found.sign]
