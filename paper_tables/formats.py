"""How does a table look?  The same content as Markdown, CSV, LaTeX and one self-contained HTML
page.

The first line of every product says at which scale, on which data and over how many runs it was
measured. Differences to the paper appear only at a scale that may be compared with it.
"""

from __future__ import annotations

import base64
import csv
import html
import io
from collections.abc import Sequence
from pathlib import Path

from paper_tables.measure import Grid, Measured, best
from pipelines.declare.scale import Scale
from pipelines.declare.table import Table


def header(table: Table, scale: Scale, data: tuple[str, ...]) -> str:
    """The line that keeps a number honest."""
    n = scale.runs(table.name, table.kind)
    runs = f"n = {n} run{'s' if n > 1 else ''} a cell"
    return f"Scale {scale.name}: {scale.note} Data: {', '.join(data)}; {runs}."


EMPTY = "–"


def shown(cell: Measured | None, plus_minus: str) -> str:
    """A cell as text: mean, and standard deviation over runs where there is one; a dash for a cell
    that the declaration skips."""
    if cell is None:
        return EMPTY
    text = f"{cell.mean:.{cell.decimals}f}"
    return text if cell.spread is None else f"{text} {plus_minus} {cell.spread:.{cell.decimals}f}"


def compared(table: Table, scale: Scale, cell: Measured | None) -> str:
    """The paper's number, and whether ours differs by more than the declared tolerance."""
    if not scale.compare or cell is None or cell.reference is None or cell.difference is None:
        return ""
    known = table.tolerance if cell.unit == table.unit else None
    close = known is not None and abs(cell.difference) <= known
    verdict = ", within tolerance" if close else ""
    places = cell.decimals
    return f" (paper {cell.reference:.{places}f}, {cell.difference:+.{places}f}{verdict})"


def csv_text(table: Table, grid: Grid, scale: Scale, head: bool = True) -> str:
    """One line per cell: full precision, every run, and the paper's number; ``head``: below a
    line of names."""
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n")
    if head:
        write.writerow(["scale", "row", "column", "mean", "std", "n", "runs", "unit", "paper"])
    for (row, column), cell in grid.items():
        spread = "" if cell.spread is None else f"{cell.spread:.6f}"
        runs = " ".join(f"{value:.6f}" for value in cell.values)
        paper = "" if cell.reference is None else f"{cell.reference:g}"
        write.writerow(
            [
                scale.name,
                row,
                column,
                f"{cell.mean:.6f}",
                spread,
                len(cell.values),
                runs,
                cell.unit,
                paper,
            ]
        )
    return out.getvalue()


def markdown(table: Table, grid: Grid, scale: Scale, data: tuple[str, ...]) -> str:
    """The table for people; the best of the compared means in bold."""
    leaders = best(table, grid)
    unit = f" ({table.units})" if table.units else ""
    lines = [header(table, scale, data), "", f"# {table.title}{unit}", ""]
    if table.caption:
        lines += [table.caption, ""]
    lines += ["| | " + " | ".join(c.label for c in table.columns) + " |"]
    lines += ["|---|" + "---:|" * len(table.columns)]
    for row in table.rows:
        texts = []
        for column in table.columns:
            cell = grid.get((row.label, column.label))
            text = shown(cell, "±")
            if (row.label, column.label) in leaders:
                text = f"**{text}**"
            texts.append(text + compared(table, scale, cell))
        lines.append(f"| {row.label} | " + " | ".join(texts) + " |")
    lines += ["", *(f"- {note}" for note in notes(table, scale))]
    return "\n".join(lines) + "\n"


def notes(table: Table, scale: Scale) -> list[str]:
    """Lines under a table: its source, what may be compared, footnotes."""
    lines = [f"Reproduces {table.source}."]
    if table.left_out:
        lines.append(f"Left out at scale {scale.title}: {', '.join(table.left_out)}.")
    if not scale.compare:
        lines.append(
            "These numbers must not be compared with the paper's: other data, networks, schedules."
        )
    elif table.tolerance is not None:
        lines.append(
            f"Tolerance: a difference up to {table.tolerance:g} is within the protocol's noise."
        )
    return lines + [note.strip() for note in table.footnotes]


_ESCAPES = {"&": r"\&", "%": r"\%", "_": r"\_", "#": r"\#"}


def _tex(text: str) -> str:
    return "".join(_ESCAPES.get(letter, letter) for letter in text)


def latex(table: Table, grid: Grid, scale: Scale, data: tuple[str, ...]) -> str:
    """A ``table`` environment for booktabs; the best of the compared means in bold."""
    leaders = best(table, grid)
    inside = "; ".join(part for part in (table.units, scale.title) if part)
    lines = [
        f"% {header(table, scale, data)}",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{_tex(table.title)} ({_tex(inside)}). {_tex(table.caption)}}}",
        rf"\begin{{tabular}}{{l{'r' * len(table.columns)}}}",
        r"\toprule",
        f"{'Method' if table.compare == 'rows' else ''} & "
        + " & ".join(_tex(c.label) for c in table.columns)
        + r" \\",
        r"\midrule",
    ]
    for row in table.rows:
        texts = []
        for column in table.columns:
            text = shown(grid.get((row.label, column.label)), r"$\pm$")
            bold = (row.label, column.label) in leaders
            texts.append(rf"\textbf{{{text}}}" if bold else text)
        lines.append(f"{_tex(row.label)} & " + " & ".join(texts) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}", r"\end{table}", ""]
    return "\n".join(lines)


_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
color: #1b1f24 } .scale { background: #fff6d6; border-left: 4px solid #d8a800; padding: .6rem 1rem }
table { border-collapse: collapse; margin: 1rem 0 } caption { text-align: left; margin-bottom: .5rem
} th, td { padding: .35rem .9rem; border-bottom: 1px solid #d6dae0; text-align: right }
th:first-child, td:first-child { text-align: left } td.best { font-weight: 700 }
.spread { color: #5a6472 } img { max-width: 100% } footer { color: #5a6472; font-size: 14px }
"""


def page(
    table: Table,
    grid: Grid,
    scale: Scale,
    data: tuple[str, ...],
    drawn: Sequence[Path] = (),
    more: str = "",
) -> str:
    """A self-contained HTML page: the table, its pictures (.png), where its numbers come from, and
    ``more`` HTML below."""
    say, leaders = html.escape, best(table, grid)
    rows = []
    for row in table.rows:
        parts = [f"<th scope=row>{say(row.label)}</th>"]
        for column in table.columns:
            cell = grid.get((row.label, column.label))
            chosen = " class=best" if (row.label, column.label) in leaders else ""
            mean, _, spread = shown(cell, "±").partition(" ")
            spread = f" <span class=spread>{spread}</span>" if spread else ""
            parts.append(f"<td{chosen}>{mean}{spread}{say(compared(table, scale, cell))}</td>")
        rows.append(f"<tr>{''.join(parts)}</tr>")
    head = "".join(f"<th scope=col>{say(c.label)}</th>" for c in table.columns)
    pictures = ""
    for path in drawn:
        encoded = base64.b64encode(path.read_bytes()).decode()
        pictures += f'<img alt="{say(table.title)}" src="data:image/png;base64,{encoded}">'
    foot = "".join(f"<p>{say(note)}</p>" for note in notes(table, scale))
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{say(table.title)}</title>"
        f"<style>{_STYLE}</style><p class=scale>{say(header(table, scale, data))}</p>"
        f"<h1>{say(table.title)}</h1>"
        f"<table><caption>{say(table.caption)} ({say(table.units)})</caption>"
        f"<thead><tr><th></th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
        f"{pictures}<footer>{foot}</footer>{more}</html>\n"
    )
