"""Gains: computed from the table's own cells, with the paper's beside them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from paper_tables.derived_metrics import DERIVED
from paper_tables.gains import difference, measure_gains
from paper_tables.measure import Measured
from paper_tables.sheet import EMPTY, build_sheet
from paper_tables.writers import write_csv, write_markdown
from pipelines.declare import scale
from pipelines.declare.gains import Gain
from pipelines.declare.table import Entry, Table

ROWS = tuple(Entry(label, {}) for label in ("Vanilla", "Mixup", "AutoMix"))
COLUMNS = (Entry("A", {}, "top1"), Entry("B", {}, "test_loss", higher_is_better=False))


def declared(*gains: Gain) -> Table:
    return Table(
        name="t", file="t.yaml", title="T", caption="", source="S", kind="train",
        rows=ROWS, columns=COLUMNS, fixed={}, gains=gains,
    )  # fmt: skip


def numbers(**cells: tuple[float, ...]) -> dict[tuple[str, str], Measured]:
    """Cells by row and column: "Vanilla_A"."""
    return {tuple(name.split("_")): Measured(values) for name, values in cells.items()}  # type: ignore[misc]


GRID = numbers(
    **{"Vanilla_A": (40.0, 42.0), "Mixup_A": (43.0, 41.0), "AutoMix_A": (45.0, 47.0)},
    **{"Vanilla_B": (1.0, 1.0), "Mixup_B": (0.8, 0.6), "AutoMix_B": (0.5, 0.6)},
)


def test_a_gain_is_over_the_best_of_the_others_in_each_columns_way():
    gain = Gain("Gain", "row", "AutoMix", reference={"A": 3.0})
    found = measure_gains(declared(gain), GRID)["Gain"]
    assert found["A"].values == (2.0, 6.0)  # Mixup's mean is the best, seed by seed
    assert found["A"].reference == 3.0
    assert found["B"].values == pytest.approx((-0.3, 0.0))
    assert found["B"].reference is None


def test_a_column_may_compare_columns_or_rows():
    across = Gain("Δ", "column", "B", over="A", reference={"Mixup": -41.3})
    down = Gain("Over", "column", "A", pairs={"AutoMix": "Vanilla", "Vanilla": "Vanilla"})
    share = Gain("Share", "column", "A", pairs={"AutoMix": "Vanilla"}, relative=True)
    found = measure_gains(declared(across, down, share), GRID)
    assert found["Δ"]["Vanilla"].values == (-39.0, -41.0)
    assert {label: cell.mean for label, cell in found["Over"].items()} == {
        "Vanilla": 0.0,
        "AutoMix": 5.0,
    }
    assert found["Share"]["AutoMix"].values == pytest.approx((12.5, 100 * 5 / 42))
    assert found["Share"]["AutoMix"].unit == "%"


def test_cells_that_are_missing_or_diverged_have_no_gain():
    gain = Gain("Gain", "row", "AutoMix")
    broken = {**GRID, ("AutoMix", "A"): Measured((float("nan"), 1.0))}
    assert measure_gains(declared(gain), broken)["Gain"].keys() == {"B"}
    rival = {**GRID, ("Mixup", "A"): Measured((float("inf"), 1.0))}
    assert measure_gains(declared(gain), rival)["Gain"]["A"].values == (5.0, 5.0)
    alone = {place: cell for place, cell in GRID.items() if place[0] == "AutoMix"}
    assert measure_gains(declared(gain), alone)["Gain"] == {}


def test_other_numbers_of_runs_leave_the_means():
    assert difference(Measured((1.0, 3.0)), Measured((1.0,))).values == (1.0,)


def test_a_sheet_shows_gains_as_rows_and_columns_with_the_papers_number():
    gain = Gain("Gain", "row", "AutoMix", reference={"A": 3.0})
    across = Gain("Δ", "column", "B", over="A", reference={"Mixup": -41.3})
    found = declared(gain, across)
    for compare in (False, True):
        chosen = replace(scale.load("demo"), compare=compare)
        sheet = build_sheet(found, GRID, chosen, ("shapes",))
        assert sheet.heads == ("A", "B", "Δ")
        *rows, last = sheet.lines
        assert [len(line.values) for line in sheet.lines] == [3] * 4
        assert last.label == "Gain"
        assert last.values[0].mean == "+4.0"
        assert last.values[2].mean == EMPTY
        assert last.values[0].paper == ("paper +3.0" if compare else "")
        assert rows[1].values[2].mean == "-41.3"
        assert any("computed from the cells" in text for text in sheet.legend)
        assert "| Gain | +4.0 ± 2.8" in write_markdown(sheet)
        assert "Gain,A,4.000000" in write_csv(sheet)


def test_a_part_of_a_table_keeps_the_gains_that_it_still_can_compute():
    gain = Gain("Gain", "row", "AutoMix")
    across = Gain("Δ", "column", "B", over="A")
    down = Gain("Over", "column", "A", pairs={"AutoMix": "Vanilla"})
    found = declared(gain, across, down)
    assert found.part("here", {"rows": ["Vanilla", "Mixup"]}).gains == (across,)
    assert found.part("here", {"columns": ["A"]}).gains == (gain, down)
    assert found.part("here", {"rows": ["AutoMix"]}).gains == (across,)


def test_hours_are_those_of_all_steps():
    class Store:
        def read(self, job):
            return {"seconds": 5400.0}

    assert DERIVED["hours"](None, Store()) == 1.5


def test_a_gain_of_halves_is_rounded_as_the_cells_are():
    cells = numbers(**{"Vanilla_A": (13.75,), "Mixup_A": (13.75,), "AutoMix_A": (16.5,)})
    sheet = build_sheet(declared(Gain("Gain", "row", "AutoMix")), cells, scale.load("demo"), ())
    assert [line.values[0].mean for line in sheet.lines] == ["13.8", "13.8", "16.5", "+2.8"]
    # a difference of ties in binary
    cells = numbers(**{"Vanilla_A": (43.0,), "Mixup_A": (17.25,), "AutoMix_A": (45.15,)})
    sheet = build_sheet(declared(Gain("Gain", "row", "AutoMix")), cells, scale.load("demo"), ())
    assert [line.values[0].mean for line in sheet.lines] == ["43.0", "17.3", "45.2", "+2.2"]


def test_a_gain_has_no_runs_of_its_own():
    cell = Measured((1.0,), source=("top1", "a"))
    assert difference(cell, cell).source == ()
