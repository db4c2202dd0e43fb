"""Which mean is called the best."""

from __future__ import annotations

from dataclasses import replace

import pytest

from paper_tables.measure import Measured, best, compared, fixed, measure
from pipelines.declare.table import Entry, Table


def declared(higher: bool = True) -> Table:
    rows = tuple(Entry(label, {}) for label in ("A", "B", "C"))
    return Table(
        name="t", file="t.yaml", title="T", caption="", source="S", kind="train",
        rows=rows, columns=(Entry("x", {}),), fixed={}, higher_is_better=higher,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("runs", "leader"),
    [
        (((50, 52), (40, 42), (45, 47)), "A"),
        # B leads C by 2, their standard deviations are 1.41 each
        (((40, 42), (47, 49), (45, 47)), None),
        # C scatters so that it may be the best, though A is second
        (((45, 45.1), (50, 50.1), (38, 60)), None),
        # one run a cell
        (((50,), (40,), (45,)), None),
        # one of them is a single run
        (((50, 52), (40, 42), (45,)), None),
        # a tie without scatter
        (((50, 50), (50, 50), (45, 45)), None),
        (((50, 50), (49, 49), (45, 45)), "A"),
    ],
)
def test_the_best_leads_by_more_than_both_scatter(runs, leader):
    grid = {(label, "x"): Measured(values) for label, values in zip("ABC", runs, strict=True)}
    assert best(declared(), grid) == ({(leader, "x")} if leader else set())
    flipped = {at: Measured(tuple(-v for v in cell.values)) for at, cell in grid.items()}
    assert best(declared(higher=False), flipped) == best(declared(), grid)


def test_a_column_in_which_neither_way_is_good_has_no_best():
    grid = {(label, "x"): Measured((n, n)) for label, n in zip("ABC", (50, 40, 45), strict=True)}
    table = declared()
    assert best(table, grid)
    assert not best(replace(table, columns=(replace(table.columns[0], ranked=False),)), grid)


def test_a_cell_that_is_compared_with_nothing_is_not_the_best():
    table = declared()
    alone = Table(**{**vars(table), "rows": table.rows[:1]})
    assert not best(alone, {("A", "x"): Measured((50, 51))})


def test_a_column_says_which_way_is_good_and_how_many_decimals(invented):
    plan, store = invented
    paper = plan.tables["table11"]
    numbers = measure(paper, plan.cells["table11"], store)
    several = {at: replace(cell, values=cell.values * 2) for at, cell in numbers.items()}
    leaders = best(paper, several)
    assert ("Mixup", "R-18 params (M)") in leaders
    assert ("l = 4", "R-18") in leaders
    assert not best(paper, numbers), "one run a cell"
    assert numbers["Mixup", "R-18 params (M)"].decimals == 2


@pytest.mark.parametrize(
    ("value", "places", "signed", "text"),
    [
        (17.25, 1, False, "17.3"),
        (13.75, 1, False, "13.8"),
        (-17.25, 1, False, "-17.3"),
        # the nearest binary number lies below the half
        (2.675, 2, False, "2.68"),
        (45.15 - 43.0, 1, True, "+2.2"),
        (43.0 - 45.15, 1, True, "-2.2"),
        (2.1499, 1, False, "2.1"),
        (0.016, 1, True, "+0.02"),
        (0.05, 1, False, "0.1"),
        # what binary numbers leave of a difference of nothing
        (0.3 - 0.1 - 0.2, 1, True, "+0.0"),
        (-0.0, 1, False, "0.0"),
        (1e15, 17, False, "1000000000000000.00000000000000000"),
        (float("inf"), 1, False, "inf"),
    ],
)
def test_halves_are_rounded_away_from_zero_as_they_are_written(value, places, signed, text):
    assert fixed(value, places, sign=signed) == text


def test_a_tie_is_rounded_alike_whatever_digit_is_before_it():
    for hundredths in range(1, 20_000, 2):
        text = fixed(hundredths / 100, 1)
        tenths = (hundredths + 5) // 10
        assert text in (f"{tenths // 10}.{tenths % 10}", f"0.0{hundredths}")
        assert fixed(-hundredths / 100, 1) == f"-{text}"


def test_a_cell_knows_its_runs(invented):
    plan, store = invented
    numbers = measure(plan.tables["table11"], plan.cells["table11"], store)
    same = [numbers["Mixup", column].source for column in ("R-18", "R-18 params (M)")]
    # other numbers of the same runs
    assert same[0][1:] == same[1][1:]
    assert same[0] != same[1]
    for cell in plan.cells["table11"]:
        digests = tuple(job.digest for job in cell.jobs)
        assert numbers[cell.row, cell.column].source == (cell.metric, *digests)


def test_only_cells_of_which_one_may_be_the_best_are_compared():
    table = declared()
    grid = {(label, "x"): Measured((n, n)) for label, n in zip("ABC", (50, 40, 45), strict=True)}
    assert compared(table, grid) == [[("A", "x"), ("B", "x"), ("C", "x")]]
    assert compared(replace(table, rows=table.rows[:1]), grid) == []
    unranked = replace(table, columns=(replace(table.columns[0], ranked=False),))
    assert compared(unranked, grid) == []
    assert compared(table, dict.fromkeys(grid, Measured((50.0, 51.0)))) == []
