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
    positive_interval,
    rank_correlation,
    share_interval,
    unpaired,
)


def test_mean_interval_is_student_s():
    values = [1.0, 2.0, 4.0, 4.5]
    known = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert mean_interval(values)[1:] == pytest.approx((known.low, known.high))
    assert mean_interval([1.0]).high == np.inf
    assert paired([3.0, 5.0], [1.0, 3.0]) == Interval(2.0, 2.0, 2.0)
    wide = stats.ttest_1samp(values, 0).confidence_interval(0.99)
    assert mean_interval(values, 0.99)[1:] == pytest.approx((wide.low, wide.high))


@pytest.mark.parametrize("values", [[0.999, 1.0, 0.98], [0.0, 0.01, 0.002], [1.0, 1.0], [0.0, 0.0]])
def test_the_interval_of_a_share_stays_within_0_and_1(values):
    found = share_interval(values)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.value == pytest.approx(np.mean(values))


def test_intervals_on_another_scale_are_student_s_where_they_are_narrow():
    values = [0.5, 0.501, 0.502, 0.4995]
    for kind in (share_interval, positive_interval):
        assert kind(values)[:] == pytest.approx(mean_interval(values)[:], abs=1e-5)
    assert positive_interval([1e-6, 1e-5, 1e-7]).low > 0


def test_the_difference_of_means_on_different_seeds_is_welch_s():
    first, second = [1.0, 2.0, 4.0], [0.5, 0.7, 0.1, 0.2]
    known = stats.ttest_ind(first, second, equal_var=False).confidence_interval(0.95)
    assert unpaired(first, second)[1:] == pytest.approx((known.low, known.high))
    assert unpaired([1.0], second).sign == 0


def test_what_rounds_to_zero_has_no_sign():
    assert Interval(-0.001, -0.14, 0.13).text(2, plus=True) == "0.00 (-0.14 .. +0.13)"
    assert Interval(-0.001, -0.2, -0.0001).text(1) == "0.0 (-0.2 .. 0.0)"


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
    assert chance(Interval(0.5, -0.1, 0.8)) == (
        "neither decidedly better nor decidedly worse than chance"
    )
