"""Colors of rows: a method's own everywhere, and no two alike while there are others."""

from __future__ import annotations

import pytest

from paper_tables.drawings.colors import BASELINE, METHODS, styles
from pipelines.declare import table

TABLES = table.load_all()


@pytest.mark.parametrize("name", TABLES)
def test_no_two_labels_of_a_table_share_a_color(name):
    for axis in (TABLES[name].rows, TABLES[name].columns):
        found = styles(entry.label for entry in axis)
        assert list(found) == [entry.label for entry in axis]
        assert len({style.color for style in found.values()}) == len(found)


@pytest.mark.parametrize("method", ["Mixup", "CutMix", "AutoMix", "TokenMix", "HMix", "GMix"])
def test_a_method_has_one_color_beside_whatever_else(method):
    alone = styles([method])[method]
    assert alone.color != BASELINE.color
    assert styles(["Vanilla", "something", method, f"{method} + MP"])[method] == alone


def test_baselines_alone_are_gray_and_spellings_are_one():
    found = styles(["Vanilla", "Puzzle-Mix", "without MP"])
    assert found["Vanilla"] == BASELINE == styles(["(none)"])["(none)"]
    assert found["Puzzle-Mix"] == styles(["PuzzleMix"])["PuzzleMix"]
    assert found["without MP"].color not in (BASELINE.color, found["Puzzle-Mix"].color)


def test_what_has_no_color_of_its_own_takes_one_that_is_free_and_then_another_marker():
    names = ["AutoMix", *(f"row {number}" for number in range(40))]
    found = styles(names)
    assert len(set(found.values())) == len(names)
    colors = len({style.color for style in METHODS.values()}) - 1  # without the gray
    first = [found[name].color for name in names[:colors]]
    assert len(set(first)) == colors
    assert styles(names) == found
    assert len(styles(map(str, range(1000)))) == 1000
