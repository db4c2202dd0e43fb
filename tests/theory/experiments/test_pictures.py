"""Dots with intervals: room around the rows, a logarithmic axis, rows without an interval."""

from __future__ import annotations

from theory.experiments.intervals import Interval, mean_interval
from theory.experiments.pictures import dots, reach


def test_no_row_lies_on_the_frame():
    for count in (1, 2, 8):
        rows = {str(k): [Interval(1.0, 0.5, 2.0)] for k in range(count)}
        (axis,) = dots(rows, ["a"], "title", "unit").axes
        bottom, top = axis.get_ylim()
        assert top <= -0.4 < count - 1 + 0.4 <= bottom


def test_a_picture_says_what_its_rows_are_and_may_be_logarithmic():
    rows = {"a": [Interval(1e-5, 1e-6, 1e-4)], "b": [Interval(0.1, 0.05, 0.2)]}
    (axis,) = dots(rows, ["loss"], "title", "unit", "laws", log=True).axes
    assert axis.get_xscale() == "log"
    assert (axis.get_title(), axis.get_xlabel(), axis.get_ylabel()) == ("title", "unit", "laws")
    (axis,) = dots(rows, ["loss"], "title", "unit").axes
    assert axis.get_xscale() == "linear"


def test_lengths_of_intervals():
    assert reach([Interval(0.5, 0.25, 1.0)], 100) == [[25.0], [50.0]]
    assert reach([mean_interval([1.0])]) == [[0.0], [0.0]]  # one seed has no interval
