"""A table says where a column is over fewer images than another."""

from __future__ import annotations

from paper_tables.subset_notes import subset_notes
from pipelines.declare import scale, table
from pipelines.plan import grid

TABLE6 = {"table6": table.load_all()["table6"]}


def notes(word):
    return subset_notes(grid.plan(TABLE6, scale.load(word)).needed("table6"))


def test_the_demo_corrupts_and_attacks_a_part_of_the_test_images():
    (line,) = notes("demo")
    assert "over all test images; corruptions are over the first 100 of them, attacks" in line
    assert "attacks are over the first 100." in line


def test_a_published_set_of_corruptions_is_read_whole():
    assert "corruptions" not in "".join(notes("paper"))


def test_other_tables_have_none():
    found = grid.plan({"table9": table.load_all()["table9"]}, scale.load("demo"))
    assert subset_notes(found.needed("table9")) == []
