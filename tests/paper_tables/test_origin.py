"""Commits, dates and datasets behind a table."""

from __future__ import annotations

import re

from paper_tables.origin import commit_date, data_titles, describe_origin
from pipelines.declare import scale, table
from pipelines.plan import grid


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
    date = commit_date("HEAD")
    assert date == "" or re.fullmatch(r"\d{4}-\d{2}-\d{2}", date)


def test_datasets_stand_parents_first():
    plan = grid.plan({"table7": table.load_all()["table7"]}, scale.load("demo"))
    assert data_titles(plan.needed("table7")) == ("shapes", "shapes (VOC)", "shapes (COCO)")
