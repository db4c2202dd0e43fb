"""Measured runs beside the paper's numbers, in every format."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from paper_tables import measured_runs
from paper_tables.comparison import caveat, compare_runs, describe_stale
from paper_tables.sheet import build_sheet
from paper_tables.writers import write_csv, write_html, write_markdown
from pipelines.declare import scale, table


@pytest.fixture(autouse=True)
def no_data(monkeypatch):
    """What is measured does not depend on the data on this machine."""
    monkeypatch.delenv("MIX_DATA", raising=False)


@pytest.fixture
def table13():
    return table.load_all()["table13"]


def sheet_with(table13, found, stale, scale_name="demo"):
    """A sheet of the table without cells of its own."""
    return build_sheet(
        table13,
        {},
        scale.load(scale_name),
        (),
        comparisons=tuple(map(compare_runs, found)),
        stale=describe_stale(table13.name, stale),
    )


def below(table13, found, stale):
    """What stands below the table, as Markdown and HTML."""
    sheet = sheet_with(table13, found, stale)
    return [write(sheet).partition("Measured runs")[2] for write in (write_markdown, write_html)]


def test_ours_stand_beside_the_papers_with_the_caveat(table13):
    found, stale = measured_runs.find_runs(table13)
    for text in below(table13, found, stale):
        assert "Scale small" in text
        assert "re-encoded" in text
        assert "not a target" in text
        assert "94.87" in text
        assert f"{found[0].numbers['Vanilla', 'R-18 200 ep'].mean:.2f}" in text
        assert not re.search(r"[-+−]\d+\.\d", text), "a difference"
        assert "RX-50" not in text, "a column without a run"


def test_a_scale_that_may_be_compared_has_no_caveat(table13):
    (kept,), _ = measured_runs.find_runs(table13)
    assert "not a target" not in caveat(replace(kept, scale=scale.load("paper")))


def test_the_csv_lists_runs_of_another_scale_and_none_twice(table13):
    found, stale = measured_runs.find_runs(table13)
    lines = write_csv(sheet_with(table13, found, stale)).splitlines()
    assert len(lines) == 1 + sum(len(runs.numbers) for runs in found)
    assert all(line.startswith("small,") for line in lines[1:])
    assert len(write_csv(sheet_with(table13, found, stale, "small")).splitlines()) == 1


def test_a_table_without_kept_runs_has_no_section(tmp_path):
    table7 = table.load_all()["table7"]
    assert below(table7, *measured_runs.find_runs(table7, tmp_path)) == ["", ""]


def test_files_that_no_cell_needs_are_named(table13):
    for text in below(table13, (), ("abc.json",)):
        assert "abc.json in paper_tables/measured/table13" in text
    assert describe_stale("table13", ()) == ""
