"""CSV of a sheet: one line per measured cell with full precision, every run, and the paper's
number; ``ci95`` is half of the 95 % confidence interval of the mean."""

from __future__ import annotations

import csv
import io

from paper_tables.sheet import Sheet

HEADS = ("scale", "row", "column", "mean", "std", "n", "runs", "unit", "paper", "ci95")
# a text that begins so is a formula to a spreadsheet (OWASP, "CSV Injection")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_csv(sheet: Sheet) -> str:
    """The records of a sheet below a line of names."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADS)
    for record in sheet.records:
        cell = record.measured
        writer.writerow(
            [
                escape(record.scale),
                escape(record.row),
                escape(record.column),
                "diverged" if cell.diverged else f"{cell.mean:.6f}",
                "" if cell.spread is None or cell.diverged else f"{cell.spread:.6f}",
                len(cell.values),
                " ".join(f"{value:.6f}" for value in cell.values),
                escape(cell.unit),
                "" if cell.reference is None else f"{cell.reference:g}",
                "" if cell.half_interval is None else f"{cell.half_interval:.6f}",
            ]
        )
    return out.getvalue()


def escape(text: str) -> str:
    """Text that no spreadsheet takes for a formula: an apostrophe before what would begin one, line
    breaks as blanks.

    Example:
        >>> escape("+ MP")
        "'+ MP"
        >>> escape("R-18")
        'R-18'
    """
    line = " ".join(text.splitlines())
    # blanks do not hide a formula from every spreadsheet
    return f"'{line}" if line.lstrip(" ").startswith(_FORMULA) else line
