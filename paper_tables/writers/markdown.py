"""Markdown of a sheet: the table for people; the best of the compared means in bold."""

from __future__ import annotations

from mixlib.core.markdown import escape, escape_line, escape_prose, table
from paper_tables.sheet import MEASURED, Line, Sheet, Value


def write_markdown(sheet: Sheet) -> str:
    """The sheet in GitHub's dialect; declared text is escaped, in prose but for words of code."""
    units = f" ({sheet.units})" if sheet.units else ""
    lines = [escape_line(sheet.header), "", f"# {_heading(sheet.title + units)}", ""]
    if sheet.caption:
        lines += [escape_prose(sheet.caption), ""]
    lines += _table(sheet.heads, sheet.lines)
    below = (*sheet.findings, *sheet.legend, *sheet.notes)
    lines += ["", *(f"- {escape_prose(note)}" for note in below)]
    if sheet.comparisons or sheet.stale:
        lines += ["", f"## {MEASURED}"]
    for part in sheet.comparisons:
        lines += ["", escape_line(part.caveat), "", *_table(part.heads, part.lines)]
        lines += ["", *(f"- {escape_prose(note)}" for note in part.notes)]
    if sheet.stale:
        lines += ["", escape_line(sheet.stale)]
    return "\n".join(lines) + "\n"


def _heading(text: str) -> str:
    """A line of signs "#" would close the heading."""
    line = escape(text)
    return line.removesuffix("#") + "\\#" if line.endswith("#") else line


def _table(heads: tuple[str, ...], lines: tuple[Line, ...]) -> list[str]:
    rows = [[escape(line.label), *map(_cell, line.values)] for line in lines]
    return table(["", *map(escape, heads)], rows, "l" + "r" * len(heads))


def _cell(value: Value) -> str:
    text = f"{value.mean} ± {value.spread}" if value.spread else value.mean
    if value.best:
        text = f"**{text}**"
    return f"{text} ({value.paper})" if value.paper else text
