"""Metrics of a sheet as JSON, in the form that ``dvc metrics`` shows and compares: mean by row and
column."""

from __future__ import annotations

import json

from paper_tables.sheet import Sheet


def write_metrics(sheet: Sheet) -> str:
    """The means of the sheet's own scale (comparisons left out): {row: {column: mean}}; a cell that
    diverged has none."""
    rows: dict[str, dict[str, float]] = {}
    for record in sheet.records:
        if record.scale == sheet.word and not record.measured.diverged:
            rows.setdefault(record.row, {})[record.column] = round(record.measured.mean, 6)
    return json.dumps(rows, indent=1, ensure_ascii=False) + "\n"
