"""Error rates of the verdicts over a thousand tables whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, ttest_1samp, ttest_ind

from paper_tables.claims.statistics import (
    CONTRADICTED,
    REPRODUCED,
    UNDECIDED,
    judge_equal,
    judge_order,
    of_all,
    of_runs,
    paired,
    seeds_needed,
    welch,
)

TABLES, LEVEL, MARGIN = 1000, 0.05, 0.4
MOST = binom.ppf(0.9999, TABLES, LEVEL) / TABLES
"""More errors than this happen once in ten thousand simulations at the nominal rate."""


def runs(mean: float, seeds: int, spread: float = 0.2, pairs: int = 1, seed: int = 0):
    shape = (TABLES, pairs, seeds) if pairs > 1 else (TABLES, seeds)
    return np.random.default_rng(seed).normal(mean, spread, shape)


def rate(verdicts, word: str) -> float:
    return float((verdicts == word).mean())


@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
@pytest.mark.parametrize("spread", [0.05, 0.2, 1.0])
def test_an_equality_is_wrongly_reproduced_or_contradicted_at_most_at_the_level(seeds, spread):
    for truth in (MARGIN, -MARGIN, 2 * MARGIN):
        verdicts = judge_equal(of_runs(runs(truth, seeds, spread)), MARGIN, LEVEL)
        assert rate(verdicts, REPRODUCED) <= MOST
    for truth in (0.0, MARGIN / 2, MARGIN, -MARGIN):
        verdicts = judge_equal(of_runs(runs(truth, seeds, spread, seed=1)), MARGIN, LEVEL)
        assert rate(verdicts, CONTRADICTED) <= MOST


def test_at_the_margin_the_rate_is_the_level_and_not_far_below():
    verdicts = judge_equal(of_runs(runs(MARGIN, 5, 0.05)), MARGIN, LEVEL)
    assert rate(verdicts, REPRODUCED) >= binom.ppf(0.0001, TABLES, LEVEL) / TABLES


@pytest.mark.parametrize("design", [paired, welch])
@pytest.mark.parametrize("seeds", [2, 3, 10])
def test_an_order_is_wrongly_found_at_most_at_the_level(design, seeds):
    left, right = runs(50.0, seeds, 0.3), runs(50.0, seeds, 0.3, seed=1)
    verdicts = judge_order(design(left, right), LEVEL)
    assert rate(verdicts, REPRODUCED) <= MOST
    assert rate(verdicts, CONTRADICTED) <= MOST


def test_a_sentence_of_many_pairs_is_wrongly_judged_at_most_at_the_level():
    true = judge_order(of_runs(runs(0.0, 5, pairs=9)), LEVEL, comparisons=9)
    assert rate(of_all(true), CONTRADICTED) <= MOST
    assert rate(of_all(judge_order(of_runs(runs(0.0, 5, pairs=9)), LEVEL)), CONTRADICTED) > MOST
    values = runs(3.0, 5, pairs=9)
    values[:, 4] -= 3.0  # one pair of nine is a tie
    assert rate(of_all(judge_order(of_runs(values), LEVEL, 9)), REPRODUCED) <= MOST


def test_seeds_needed_give_the_power():
    n = seeds_needed(MARGIN, 0.2, LEVEL, 0.8, sides=2)
    few = rate(judge_equal(of_runs(runs(0.0, 2)), MARGIN, LEVEL), REPRODUCED)
    assert few < 0.7 < rate(judge_equal(of_runs(runs(0.0, n)), MARGIN, LEVEL), REPRODUCED)
    n = seeds_needed(0.3, 0.3, LEVEL, 0.8)
    assert rate(judge_order(of_runs(runs(0.3, n, 0.3)), LEVEL), REPRODUCED) > 0.74


def test_the_tests_are_those_of_scipy():
    left, right = runs(1.0, 4)[0], runs(0.9, 6, 0.4)[1]
    for level in np.linspace(0.001, 0.999, 60):
        p = ttest_ind(left, right, equal_var=False, alternative="greater").pvalue
        assert (judge_order(welch(left, right), level) == REPRODUCED) == (p <= level)
        p = ttest_1samp(left, 0.9, alternative="greater").pvalue
        assert (judge_order(of_runs(left, 0.9), level) == REPRODUCED) == (p <= level)


def test_runs_that_do_not_scatter_are_judged_by_their_number():
    assert judge_equal(of_runs([1.0, 1.0], 1.0), 0.1, LEVEL) == REPRODUCED
    assert judge_equal(of_runs([2.0, 2.0], 1.0), 0.1, LEVEL) == CONTRADICTED
    assert judge_order(of_runs([0.0, 0.0]), LEVEL) == UNDECIDED
