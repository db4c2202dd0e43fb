"""Declared gains: what may be written, and what is refused with its place."""

from __future__ import annotations

import pytest

from pipelines.declare import table
from pipelines.declare.errors import DeclarationError
from pipelines.declare.gains import Gain


def test_rows_columns_and_pairs_are_read(declare):
    gains = [
        {"label": "Gain", "row": "Mixup", "over": "best", "reference": [0.3, None]},
        {"label": "Δ", "column": "VOC", "over": "COCO", "reference": {"Mixup": 42.6}},
        {"label": "Over", "column": "VOC", "over_rows": {"Mixup": "Vanilla"}, "relative": True},
    ]
    (found,) = table.load(declare(gains=gains)).values()
    assert found.gains == (
        Gain("Gain", "row", "Mixup", reference={"VOC": 0.3}),
        Gain("Δ", "column", "VOC", "COCO", reference={"Mixup": 42.6}),
        Gain("Over", "column", "VOC", pairs={"Mixup": "Vanilla"}, relative=True),
    )


@pytest.mark.parametrize(
    ("gain", "words"),
    [
        ({"row": "Mixup", "over": "best"}, "'label' is missing"),
        ({"label": "G", "over": "best"}, "expected one of row and column"),
        ({"label": "G", "row": "Mixup"}, "one of over and over_rows"),
        ({"label": "G", "row": "Mixpu", "over": "best"}, "no row 'Mixpu'; did you mean 'Mixup'"),
        ({"label": "G", "column": "VOC", "over": "COC"}, "no column 'COC'; did you mean 'COCO'"),
        ({"label": "G", "row": "Mixup", "over_rows": {"Mixup": "Vanilla"}}, "name a column"),
        ({"label": "G", "column": "VOC", "over_rows": {"Mixpu": "Vanilla"}}, "no row 'Mixpu'"),
        ({"label": "G", "row": "Mixup", "over": "best", "reference": [1.0]}, "expected 2 numbers"),
        ({"label": "G", "row": "Mixup", "over": "best", "reference": {"VO": 1.0}}, "no label 'VO'"),
        ({"label": "G", "row": "Mixup", "over": "best", "reference": ["x", 1.0]}, "reference"),
        (
            {"label": "G", "row": "Mixup", "over": "best", "refrence": []},
            "did you mean 'reference'",
        ),
    ],
    ids=str,
)
def test_wrong_gains_are_refused_with_their_place(declare, gain, words):
    with pytest.raises(DeclarationError, match=words) as caught:
        table.load(declare(gains=[gain]))
    assert "table7: gains[0]" in str(caught.value)


def test_the_columns_of_a_tolerance_are_the_tables(declare):
    (found,) = table.load(declare(tolerance=0.4, tolerance_columns=["VOC"])).values()
    assert found.tolerance_columns == ("VOC",)
    with pytest.raises(DeclarationError, match="tolerance_columns: no column 'VO'"):
        table.load(declare(tolerance=0.4, tolerance_columns=["VO"]))


def test_a_table_says_how_many_decimals_its_columns_print(declare):
    (found,) = table.load(declare(decimals=2)).values()
    assert [column.decimals for column in found.columns] == [2, 2]
