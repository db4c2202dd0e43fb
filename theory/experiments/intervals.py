"""Intervals over repetitions: of a mean (Student's t), and of anything computed from repetitions
(bootstrap, Efron 1979); and rank correlation (Kendall's tau-b)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

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
        value, low, high = (
            f"{scale * v:+.{digits}f}" if plus else f"{scale * v:.{digits}f}" for v in self
        )
        return f"{value}{unit} ({low} .. {high})"


def mean_interval(values: Sequence[float]) -> Interval:
    """Mean of repetitions with its 95 % interval by Student's t; one repetition has none.

    Example:
        >>> mean_interval([1.0, 1.0, 1.0])
        Interval(value=1.0, low=1.0, high=1.0)
    """
    found = np.asarray(values, dtype=float)
    n, mean = len(found), float(found.mean())
    if n < 2:
        return Interval(mean, -np.inf, np.inf)
    reach = float(stats.t.ppf(0.975, n - 1) * found.std(ddof=1) / n**0.5)
    return Interval(mean, mean - reach, mean + reach)


def paired(first: Sequence[float], second: Sequence[float]) -> Interval:
    """Mean of the differences first - second on the same seeds."""
    return mean_interval([a - b for a, b in zip(first, second, strict=True)])


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
    """What a rank correlation says: better, no better or worse than chance.

    Example:
        >>> chance(Interval(0.3, -0.1, 0.6))
        'no better than chance'
    """
    return {1: "better than chance", 0: "no better than chance", -1: "worse than chance"}[
        found.sign
    ]
