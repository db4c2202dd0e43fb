"""What a table says about its own numbers."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from paper_tables.measure import Measured, measure, panels
from paper_tables.sheet import BOLD, EMPTY, ONE_RUN, PLUS_MINUS, build_sheet
from paper_tables.writers import write_csv, write_html, write_markdown, write_tex
from pipelines.declare import scale, table

TABLES = table.load_all()


@pytest.mark.parametrize(("values", "said"), [((40.0,), ONE_RUN), ((40.0, 41.0), PLUS_MINUS)])
def test_the_legend_explains_the_signs_that_appear(values, said):
    fig6 = TABLES["fig6"]
    grid = {(row.label, "Top-1"): Measured(values) for row in fig6.rows}
    sheet = build_sheet(fig6, grid, scale.load("demo"), ("shapes",))
    assert sheet.legend[0] == said
    assert len(sheet.records) == len(sheet.lines) == 2


def test_the_tolerance_is_named_only_where_numbers_are_compared():
    table7, demo = TABLES["table7"], scale.load("demo")
    for chosen, said in ((demo, False), (replace(demo, compare=True), True)):
        text = " ".join(build_sheet(table7, {}, chosen, ()).notes)
        assert ("Tolerance (VOC mAP): a difference up to 0.4" in text) is said
        assert ("must not be compared" in text) is not said


@pytest.mark.parametrize("said", ["Which mixing helps?", "A comparison.", "A comparison"])
def test_what_a_study_asks_is_a_sentence_of_its_own(said):
    study = replace(TABLES["fig6"], study=True, source=said)
    text = build_sheet(study, {}, scale.load("demo"), ("shapes",)).header
    assert text.startswith(f"{said.rstrip('.')}{'' if said.endswith('?') else '.'} Data: shapes")


def test_a_skipped_cell_is_a_dash_in_every_format(invented):
    plan, store = invented
    paper = plan.tables["table10"]
    numbers = measure(paper, plan.cells["table10"], store)
    assert ("+ MP (m = 0)", "CIFAR-100 Mixup") not in numbers
    assert len(numbers) == 10
    assert all(len(places) in (3, 4) for _, places in panels(paper))
    sheet = build_sheet(paper, numbers, plan.scale, ())
    text = write_markdown(sheet)
    (line,) = [line for line in text.splitlines() if line.startswith("| + MP (m = 0)")]
    assert line.count(f" {EMPTY} ") == 2
    assert write_tex(sheet).count(EMPTY) == 2
    assert write_html(sheet).count(f">{EMPTY}<") == 2
    assert len(write_csv(sheet).splitlines()) == 11


def test_a_column_has_its_own_unit(invented):
    plan, store = invented
    paper = plan.tables["table11"]
    numbers = measure(paper, plan.cells["table11"], store)
    lines = csv.DictReader(io.StringIO(write_csv(build_sheet(paper, numbers, plan.scale, ()))))
    units = {line["column"]: line["unit"] for line in lines}
    assert units["R-18"] == "%"
    assert units["R-18 params (M)"] == "M"
    assert units["RX-50 step (ms)"] == "ms"
    assert "(% unless a column says otherwise)" in write_markdown(
        build_sheet(paper, numbers, plan.scale, ())
    )
    # the tolerance is one of accuracies, and says nothing about milliseconds
    close = replace(paper, tolerance=1e9)
    compare = replace(plan.scale, compare=True)
    for column, said in (("R-18", True), ("R-18 step (ms)", False)):
        cell = replace(numbers["Mixup", column], reference=1.0)
        sheet = build_sheet(close, {("Mixup", column): cell}, compare, ())
        (value,) = [v for line in sheet.lines for v in line.values if v.paper]
        assert ("within tolerance" in value.paper) is said


@pytest.mark.parametrize("name", TABLES)
def test_no_size_and_no_time_is_a_percentage(name):
    units = {"parameters": "M", "step_ms": "ms", "temperature": "factor"}
    units |= {"hours": "h", "gmacs": "G"}
    units |= dict.fromkeys(("nll", "nll_before", "nll_after"), "nats") | {"brier": "of 2"}
    for column in TABLES[name].columns:
        assert column.unit == units.get(column.metric or "")


@pytest.mark.parametrize(
    ("values", "word"),
    [((float("nan"),), "diverged"), ((40.0, float("inf"), 41.0), "diverged (1 of 3)")],
)
def test_a_cell_that_diverged_says_so_in_every_format(values, word):
    fig6 = TABLES["fig6"]
    places = [(row.label, "Top-1") for row in fig6.rows]
    grid = {places[0]: Measured(values, 50.0), places[1]: Measured((1.0, 2.0, 1.5), 50.0)}
    sheet = build_sheet(fig6, grid, replace(scale.load("demo"), compare=True), ("shapes",))
    assert sheet.lines[0].values[0].mean == word
    assert not sheet.lines[0].values[0].best
    assert not sheet.lines[0].values[0].paper
    for text in (write_markdown(sheet), write_tex(sheet), write_html(sheet)):
        assert word in text
    line = next(csv.DictReader(io.StringIO(write_csv(sheet))))
    assert (line["mean"], line["std"]) == ("diverged", "")
    for text in (write_markdown(sheet), write_tex(sheet)):
        assert "nan" not in text
        assert "inf" not in text


@pytest.mark.parametrize("rows", [1, 2])
def test_bold_is_explained_where_cells_are_compared(rows):
    fig6 = replace(TABLES["fig6"], rows=TABLES["fig6"].rows[:rows])
    grid = {(row.label, "Top-1"): Measured((40.0 + i, 41.0)) for i, row in enumerate(fig6.rows)}
    legend = build_sheet(fig6, grid, scale.load("demo"), ("shapes",)).legend
    assert (BOLD in legend) is (rows > 1)
    assert legend[0] == PLUS_MINUS


def test_labels_that_are_left_out_are_told_apart_though_they_hold_commas():
    table8 = TABLES["table8"]
    part = table8.part("here", {"rows": [table8.rows[0].label]})
    (line,) = [
        note
        for note in build_sheet(part, {}, scale.load("demo"), ()).notes
        if note.startswith("Left out")
    ]
    labels = line.partition(": ")[2].removesuffix(".").split("; ")
    assert labels == [row.label for row in table8.rows[1:]]
