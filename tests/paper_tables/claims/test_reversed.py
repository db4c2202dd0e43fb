"""Lines of reversed findings: each pair of runs once, what both sides share named once."""

from __future__ import annotations

import pytest

from paper_tables.claims.reversed import reversed_lines
from paper_tables.measure import Measured
from pipelines.declare import scale
from pipelines.declare.claims import Sentence
from pipelines.declare.table import Entry, Table

COLUMNS = ("R-18 200 ep", "RX-50 200 ep", "WRN")
ROWS = ("AutoMix", "Mixup", "CutMix", "l = 3")


def said(cells, pairs, relation="better"):
    """The lines of one sentence."""
    columns = (*(Entry(label, {}) for label in COLUMNS), Entry("Loss", {}, higher_is_better=False))
    table = Table(
        name="t", file="t.yaml", title="T", caption="", source="S", kind="train",
        rows=tuple(Entry(label, {}) for label in ROWS), columns=columns, fixed={},
    )  # fmt: skip
    sentence = Sentence("P", "Section 1", "t", "it better", relation, tuple(pairs))
    return reversed_lines(table, scale.load("demo"), cells, [sentence])


def against(rivals, columns=COLUMNS, own="AutoMix"):
    return [((own, column), (rival, column)) for rival in rivals for column in columns]


def grid(columns=COLUMNS, known=True, **values):
    """Cells whose columns share their runs."""
    return {
        (row, column): Measured((value,), source=("top1", row) if known else ())
        for row, value in values.items()
        for column in columns
    }


def test_columns_of_the_same_runs_are_one_pair():
    (line,) = said(grid(AutoMix=34.2, Mixup=35.0), against(["Mixup"]))
    assert "it better; the one pair is the other way around: AutoMix 34.2 against" in line
    assert "Mixup 35.0 at R-18 200 ep (the same runs fill 2 more) (one run, scale demo" in line
    assert line.endswith(": no verdict).")
    assert "RX-50" not in line


def test_columns_of_which_the_runs_are_not_known_are_counted_each():
    (line,) = said(grid(known=False, AutoMix=34.2, Mixup=35.0), against(["Mixup"]))
    assert "3 of 3 pairs are the other way around" in line
    assert "same runs" not in line


def test_the_same_runs_under_another_question_are_another_pair():
    columns = (COLUMNS[0], "Loss")
    (line,) = said(grid(columns, AutoMix=34.2, Mixup=35.0), against(["Mixup"], columns))
    assert "1 of 2 pairs is the other way around: AutoMix 34.2 against Mixup 35.0 at R-18" in line


def test_cells_that_one_result_fills_are_no_pair():
    cells = grid(AutoMix=34.2, Mixup=35.0) | grid(CutMix=34.2)
    for column in COLUMNS:
        cells["CutMix", column] = cells["AutoMix", column]
    (line,) = said(cells, against(["Mixup", "CutMix"]))
    assert "the one pair is" in line


@pytest.mark.parametrize(
    ("rivals", "words"),
    [
        ({"Mixup": 35.0, "CutMix": 30.0}, "1 of 2 pairs is the other way around"),
        ({"Mixup": 35.0, "CutMix": 36.0}, "2 of 2 pairs are the other way around"),
    ],
)
def test_pairs_are_counted_in_words_that_fit(rivals, words):
    (line,) = said(grid(COLUMNS[:1], AutoMix=34.2, **rivals), against(rivals, COLUMNS[:1]))
    assert words in line


def test_sides_that_share_no_label_are_named_whole_and_numbers_do_not_run_together():
    cells = grid(AutoMix=1.0, Mixup=2.0)
    (line,) = said(cells, [(("AutoMix", "WRN"), ("Mixup", "R-18 200 ep"))])
    assert "AutoMix / WRN 1.0 against Mixup / R-18 200 ep 2.0 (one run" in line
    numbered = {("l = 3", "WRN"): Measured((1.0,)), ("Mixup", "WRN"): Measured((2.0,))}
    (line,) = said(numbered, against(["Mixup"], ["WRN"], "l = 3"))
    assert "l = 3: 1.0 against Mixup 2.0 at WRN" in line
