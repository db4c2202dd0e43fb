"""Lines over the label share: only points that rest on enough samples, and no line across gaps."""

from __future__ import annotations

import math

import pytest

from paper_tables.drawings.samples import FEWEST, shares_seen


def rows(*counts):
    """A result's rows; a share without samples is missing."""
    return [
        {"share": (i + 0.5) / 10, "n": float(n), "top1": 20.0}
        for i, n in enumerate(counts)
        if n is not None
    ]


def test_shares_of_few_samples_and_shares_without_any_break_the_line():
    shares, values, errors = shares_seen(rows(10, 100, None, FEWEST - 1, FEWEST), "top1", "n")
    assert shares == pytest.approx([0.05, 0.15, 0.25, 0.35, 0.45])
    assert [math.isnan(value) for value in values] == [True, False, True, True, False]
    assert [math.isnan(error) for error in errors] == [True, False, True, True, False]
    assert values[1] == values[4] == 20.0
    # sqrt(0.2 * 0.8 / 100)
    assert errors[1] == pytest.approx(4.0)


def test_a_result_of_few_samples_has_no_point():
    _, values, errors = shares_seen(rows(3, 5), "top1", "n")
    assert all(map(math.isnan, values + errors))
