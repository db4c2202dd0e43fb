"""What a table says about its own numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from paper_tables.measure import Measured
from paper_tables.origin import describe_origin
from paper_tables.sheet import ONE_RUN, PLUS_MINUS, build_sheet
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
        assert ("Tolerance: a difference up to 0.4" in text) is said
        assert ("must not be compared" in text) is not said


def result(commit, dirty=False):
    return {
        "provenance": {
            "git": {"commit": commit, "dirty": dirty},
            "versions": {"torch": "2.13.0"},
        }
    }


def test_the_origin_names_commits_and_changes():
    # in no repository, so without a date
    line = describe_origin([result("a" * 40), result("a" * 40, dirty=True)])
    assert line == "Measured from commit aaaaaaa with uncommitted changes, with torch 2.13.0."
    many = describe_origin([result(letter * 40) for letter in "abcdef"])
    assert "commits aaaaaaa, bbbbbbb, ccccccc, 3 more" in many
    assert describe_origin([]) == ""


def test_a_commit_has_its_date():
    import re

    from paper_tables.origin import commit_date

    date = commit_date("HEAD")
    assert date == "" or re.fullmatch(r"\d{4}-\d{2}-\d{2}", date)
