"""Intervals and rank correlation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from theory.experiments.intervals import (
    Interval,
    bootstrap,
    chance,
    mean_interval,
    paired,
    rank_correlation,
)


def test_mean_interval_is_student_s():
    values = [1.0, 2.0, 4.0, 4.5]
    known = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert mean_interval(values)[1:] == pytest.approx((known.low, known.high))
    assert mean_interval([1.0]).high == np.inf
    assert paired([3.0, 5.0], [1.0, 3.0]) == Interval(2.0, 2.0, 2.0)


def test_bootstrap_covers_the_mean():
    values = np.random.default_rng(3).normal(size=40)
    found = bootstrap(lambda chosen: float(values[chosen].mean()), 40)
    error = values.std() / 40**0.5
    assert found.value == pytest.approx(values.mean())
    assert (found.high - found.low) / (2 * 1.96 * error) == pytest.approx(1, abs=0.1)


def test_rank_correlation_and_its_words():
    assert rank_correlation([1, 2, 3], [3, 2, 1]) == -1
    assert rank_correlation([1, 1, 1], [3, 2, 1]) == 0
    first, second = [1.0, 2.0, 2.0, 3.0, 5.0], [2.0, 1.0, 3.0, 3.0, 4.0]  # with ties
    assert rank_correlation(first, second) == pytest.approx(stats.kendalltau(first, second)[0])
    assert chance(Interval(0.5, 0.1, 0.8)) == "better than chance"
    assert chance(Interval(-0.5, -0.8, -0.1)) == "worse than chance"
    assert chance(Interval(0.5, -0.1, 0.8)) == "no better than chance"
