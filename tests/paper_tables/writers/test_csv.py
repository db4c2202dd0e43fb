"""CSV that reads back, and that a spreadsheet does not calculate."""

from __future__ import annotations

import csv
import io

from hypothesis import given

from paper_tables.writers import write_csv
from paper_tables.writers.csv import escape
from tests.paper_tables.writers.sheets import PATIENT, TEXT, sheets


@PATIENT
@given(sheets())
def test_every_record_reads_back_and_is_no_formula(sheet):
    rows = list(csv.DictReader(io.StringIO(write_csv(sheet))))
    assert len(rows) == len(sheet.records)
    for row, record in zip(rows, sheet.records, strict=True):
        for name, text in (("row", record.row), ("column", record.column)):
            assert row[name].removeprefix("'") == " ".join(text.splitlines()).removeprefix("'")
        for name in ("scale", "row", "column", "unit"):
            assert not row[name].lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r"))
        assert float(row["mean"]) == record.measured.mean


@PATIENT
@given(TEXT)
def test_text_that_is_no_formula_stays(text):
    line = " ".join(text.splitlines())
    assert escape(text) in (line, f"'{line}")
    if line[:1].isalnum():
        assert escape(text) == line
