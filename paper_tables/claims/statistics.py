"""Verdicts from runs: equivalence and difference tests at one fixed level.

A claim is *reproduced* when a test rejects that it is wrong, *contradicted* when a test rejects
that it is right, and *undecided* otherwise.  All functions take one table of runs or many at once:
statistics have the shape of the leading axes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import stdtr, stdtrit

REPRODUCED, CONTRADICTED, UNDECIDED = "reproduced", "contradicted", "undecided"
MOST_SEEDS = 1000
"""Where the search for a number of seeds ends."""


@dataclass(frozen=True)
class Estimate:
    """A mean with its standard error and degrees of freedom, each of one shape.

    Example:
        >>> found = of_runs([1.0, 2.0, 3.0], 1.5)
        >>> float(found.mean), round(float(found.error), 3), float(found.freedom)
        (0.5, 0.577, 2.0)
    """

    mean: Any
    error: Any
    freedom: Any


def of_runs(values: Any, number: float = 0.0) -> Estimate:
    """The mean of the last axis minus a number that counts as fixed; two runs or more."""
    runs = np.asarray(values, dtype=float)
    n = runs.shape[-1]
    error = runs.std(axis=-1, ddof=1) / np.sqrt(n)
    return Estimate(runs.mean(axis=-1) - number, error, np.full(runs.shape[:-1], n - 1.0))


def paired(left: Any, right: Any) -> Estimate:
    """Left minus right, run by run of the same seed."""
    return of_runs(np.asarray(left, dtype=float) - np.asarray(right, dtype=float))


def welch(left: Any, right: Any) -> Estimate:
    """Left minus right of runs that share nothing: Welch's error and degrees of freedom."""
    one, two = of_runs(left), of_runs(right)
    a, b = one.error**2, two.error**2
    below = a**2 / one.freedom + b**2 / two.freedom
    both = one.freedom + two.freedom
    freedom = np.where(below > 0, (a + b) ** 2 / np.where(below > 0, below, 1.0), both)
    return Estimate(one.mean - two.mean, np.sqrt(a + b), freedom)


def _at_least(found: Estimate, bound: float) -> Any:
    """p-value against "the true mean is at most ``bound``"."""
    distance = found.mean - bound
    error = np.where(found.error > 0, found.error, 1.0)
    exact = np.where(distance > 0, 0.0, 1.0)
    return np.where(found.error > 0, stdtr(found.freedom, -distance / error), exact)


def _at_most(found: Estimate, bound: float) -> Any:
    """p-value against "the true mean is at least ``bound``"."""
    return _at_least(Estimate(-found.mean, found.error, found.freedom), -bound)


def judge_equal(found: Estimate, margin: float, level: float) -> Any:
    """Whether a difference lies within a margin (Schuirmann's two one-sided tests), or beyond it.

    Both errors have at most the probability ``level``: "reproduced" where the truth is at the
    margin or beyond; "contradicted" where it is within (each side at half the level).

    Example:
        >>> str(judge_equal(of_runs([0.1, -0.1, 0.0, 0.05]), 0.5, 0.05))
        'reproduced'
        >>> str(judge_equal(of_runs([2.1, 1.9, 2.0, 2.05]), 0.5, 0.05))
        'contradicted'
    """
    equal = np.maximum(_at_least(found, -margin), _at_most(found, margin)) <= level
    apart = np.minimum(_at_least(found, margin), _at_most(found, -margin)) <= level / 2
    return np.where(equal, REPRODUCED, np.where(apart, CONTRADICTED, UNDECIDED))


def judge_order(found: Estimate, level: float, comparisons: int = 1) -> Any:
    """Whether a difference is above zero, as claimed, or below it.

    Args:
        found: left minus right, in the claimed direction.
        level: probability of either error.
        comparisons: pairs of the sentence: one contradicted pair contradicts it, so each has its
            share of the level (Bonferroni); that all are reproduced needs no correction.
    """
    above = _at_least(found, 0.0) <= level
    below = _at_most(found, 0.0) <= level / comparisons
    return np.where(above, REPRODUCED, np.where(below, CONTRADICTED, UNDECIDED))


def of_all(verdicts: Any) -> Any:
    """The verdict on a sentence from those on its pairs (last axis)."""
    each = np.asarray(verdicts)
    wrong, right = (each == CONTRADICTED).any(-1), (each == REPRODUCED).all(-1)
    return np.where(wrong, CONTRADICTED, np.where(right, REPRODUCED, UNDECIDED))


def seeds_needed(
    room: float, spread: float, level: float, power: float, sides: int = 1
) -> int | None:
    """The fewest runs with which a true claim is found reproduced with this probability.

    Args:
        room: what lies between truth and the claim's bound: the margin of an equality, the claimed
            difference of an order.
        spread: standard deviation of one run (or of one difference).
        level: of the test.
        power: probability.
        sides: 2 for an equality, which two tests must reject.

    Returns:
        None where a thousand do not suffice.

    Example:
        >>> seeds_needed(0.4, 0.2, 0.05, 0.8, sides=2)
        4
        >>> seeds_needed(0.0, 0.2, 0.05, 0.8) is None
        True
    """
    if spread == 0:
        return 2 if room > 0 else None
    each = 1 - (1 - power) / sides
    n = np.arange(2, MOST_SEEDS + 1)
    needed = stdtrit(n - 1, 1 - level) + stdtrit(n - 1, each)
    enough = room * np.sqrt(n) / spread >= needed
    return int(n[enough.argmax()]) if enough.any() else None
