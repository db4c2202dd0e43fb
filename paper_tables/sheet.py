"""A table as one neutral value: what every writer writes, computed once.

The header says at which scale, on which data and over how many runs the numbers were measured.
Differences to the paper appear only at a scale that may be compared with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from paper_tables.claims.reversed import reversed_notes
from paper_tables.gains import measure_gains
from paper_tables.measure import Grid, Measured, best, compared, fixed
from paper_tables.origin import describe_origin
from paper_tables.paired import paired_notes
from pipelines.declare.scale import Scale
from pipelines.declare.table import Table

EMPTY = "–"  # a cell that the declaration skips
MEASURED = "Measured runs, beside the paper's numbers"  # title above the comparisons
DRAWN = "Drawn from its declared settings alone, from no run's results: the same at every scale."
PLUS_MINUS = "± is the standard deviation over runs (n - 1)."
INTERVAL = (
    "± is half of the 95 % confidence interval of the mean (Student's t over the runs of a cell, "
    "which differ in their seed)."
)
ONE_RUN = "Every cell is one run, so no spread is known and none is called the best."
GAINS = (
    "{names}: computed from the cells beside it, run by run of the same seed; ± is the standard "
    "deviation of these differences."
)
BOLD = (
    "Bold: the best mean of those compared, where it leads every other by more than the sum of "
    "both standard deviations."
)


@dataclass(frozen=True)
class Value:
    """One cell as it is printed.

    Attributes:
        mean: the mean over runs, or a dash for a cell that the declaration skips.
        spread: the standard deviation over runs; "" for a single one.
        paper: the paper's number, our difference and the verdict; "" where none is due.
        best: whether it is the best of those that it is compared with.

    Example:
        >>> Value("47.0", "0.7")
        Value(mean='47.0', spread='0.7', paper='', best=False)
        >>> Value().mean
        '–'
    """

    mean: str = EMPTY
    spread: str = ""
    paper: str = ""
    best: bool = False


@dataclass(frozen=True)
class Line:
    """One row: its label and a value per column."""

    label: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Record:
    """One measured cell in full precision: a line of the CSV."""

    scale: str
    row: str
    column: str
    measured: Measured


@dataclass(frozen=True)
class Comparison:
    """Measured runs at one scale beside the paper's numbers.

    Attributes:
        scale: the scale's name.
        caveat: on what ours were measured, and what may not be concluded.
        heads: two per column, the paper's and ours.
        lines: rows with a measured run.
        notes: what was run, from which sources, and how to do it again.
        numbers: our cells in full precision.
    """

    scale: str
    caveat: str
    heads: tuple[str, ...]
    lines: tuple[Line, ...]
    notes: tuple[str, ...]
    numbers: Grid


@dataclass(frozen=True)
class Sheet:
    """A rendered table before it has a format.

    Attributes:
        name: the table's target.
        header: scale, data and runs: the line that keeps a number honest.
        title, caption: as declared.
        units: what the numbers are in.
        scale: the scale's title.
        stub: head of the column of labels.
        heads: labels of the columns.
        lines: the rows.
        legend: what ± and bold mean, for this table.
        notes: source, what may be compared, footnotes.
        origin: from which sources and when it was measured.
        records: every measured cell, those of the comparisons included.
        comparisons: measured runs that the repository holds, beside the paper's numbers.
        stale: which of its files no cell needs any more; "" where there are none.
        findings: what these numbers show the other way around than the paper says, and the declared
            comparisons of rows.
        word: the scale's name, which records of its own have.
    """

    name: str
    header: str
    title: str
    caption: str
    units: str
    scale: str
    stub: str
    heads: tuple[str, ...]
    lines: tuple[Line, ...]
    legend: tuple[str, ...]
    notes: tuple[str, ...]
    origin: str
    records: tuple[Record, ...]
    comparisons: tuple[Comparison, ...] = ()
    stale: str = ""
    findings: tuple[str, ...] = ()
    word: str = ""


def figure_sheet(table: Table, scale: Scale) -> Sheet:
    """What stands beside a declared figure, which has no cells: its title, caption and source."""
    return Sheet(
        name=table.name,
        header=DRAWN,
        title=table.title,
        caption=table.caption,
        units="",
        scale=scale.title,
        stub="",
        heads=(),
        lines=(),
        legend=(),
        notes=(f"Source: {table.source}.", *(note.strip() for note in table.footnotes)),
        origin="",
        records=(),
    )


def build_sheet(
    table: Table,
    grid: Grid,
    scale: Scale,
    data: Sequence[str],
    results: Sequence[Mapping[str, Any]] = (),
    comparisons: Sequence[Comparison] = (),
    stale: str = "",
    remarks: Sequence[str] = (),
    marks: Mapping[tuple[str, str], str] = MappingProxyType({}),
) -> Sheet:
    """Computes everything that a table shows.

    Args:
        table, scale: what was declared.
        grid: what was measured.
        data: titles of the datasets behind it.
        results: the results behind it, for their provenance.
        comparisons: measured runs of the repository.
        stale: which of its files no cell needs any more.
        remarks: lines about the measured numbers, before the footnotes.
        marks: what stands in the place of cells that could not be measured.
    """
    gains = measure_gains(table, grid)
    records = [Record(scale.name, *place, cell) for place, cell in grid.items()]
    records += [
        Record(
            scale.name, *((gain.label, label) if gain.axis == "row" else (label, gain.label)), cell
        )
        for gain in table.gains
        for label, cell in gains[gain.label].items()
    ]
    for other in comparisons:
        # measured runs of this scale are the records above: the same jobs
        if other.scale != scale.name:
            records += [Record(other.scale, *place, cell) for place, cell in other.numbers.items()]
    return Sheet(
        name=table.name,
        header=header(table, scale, data),
        title=table.title,
        caption=table.caption,
        units=table.units,
        scale=scale.title,
        stub="Method" if table.compare == "rows" else "",
        heads=(
            *(column.label for column in table.columns),
            *(gain.label for gain in table.gains if gain.axis == "column"),
        ),
        lines=_lines(table, grid, scale, gains, marks),
        legend=_legend(table, grid),
        notes=tuple(_notes(table, scale, remarks)),
        origin=describe_origin(results),
        records=tuple(records),
        comparisons=tuple(comparisons),
        stale=stale,
        findings=(*reversed_notes(table, scale, grid), *paired_notes(table, grid)),
        word=scale.name,
    )


def _lines(
    table: Table,
    grid: Grid,
    scale: Scale,
    gains: Mapping[str, Mapping[str, Measured]],
    marks: Mapping[tuple[str, str], str],
) -> tuple[Line, ...]:
    """The declared rows with their computed columns, then the computed rows."""
    leaders, lines = best(table, grid), []
    across = [gain for gain in table.gains if gain.axis == "column"]
    for row in table.rows:
        places = [(row.label, column.label) for column in table.columns]
        values = [
            Value(marks[p]) if p in marks else _value(table, scale, grid.get(p), p in leaders, p[1])
            for p in places
        ]
        values += [_gained(scale, gains[gain.label].get(row.label)) for gain in across]
        lines.append(Line(row.label, tuple(values)))
    for gain in table.gains:
        if gain.axis == "row":
            cells = [gains[gain.label].get(column.label) for column in table.columns]
            values = [_gained(scale, cell) for cell in cells] + [Value()] * len(across)
            lines.append(Line(gain.label, tuple(values)))
    return tuple(lines)


def header(table: Table, scale: Scale, data: Sequence[str]) -> str:
    """Scale, data and runs in one line."""
    n = scale.runs(table.name, table.kind)
    runs = f"n = {n} run{'s' if n > 1 else ''} a cell"
    if table.study:
        stop = "" if table.source.endswith((".", "?", "!")) else "."
        return f"{table.source}{stop} Data: {', '.join(data)}; {runs}."
    return f"Scale {scale.name}: {scale.note} Data: {', '.join(data)}; {runs}."


def _value(table: Table, scale: Scale, cell: Measured | None, leads: bool, column: str) -> Value:
    if cell is None:
        return Value()
    mean, spread = printed(cell)
    half = cell.half_interval
    if table.study and half is not None:
        spread = fixed(half, cell.decimals)
    return Value(mean, spread, _paper(table, scale, cell, column), leads)


def _gained(scale: Scale, cell: Measured | None) -> Value:
    """A difference with its sign, and the paper's beside it where they may be compared."""
    if cell is None:
        return Value()
    _, spread = printed(cell)
    paper = ""
    if scale.compare and cell.reference is not None:
        paper = f"paper {fixed(cell.reference, cell.decimals, sign=True)}"
    return Value(fixed(cell.mean, cell.decimals, sign=True), spread, paper)


def printed(cell: Measured) -> tuple[str, str]:
    """Mean and standard deviation with the decimals of their column; "" for that of one run.

    A cell with a run that diverged has neither.
    """
    if cell.diverged:
        many = len(cell.values)
        return ("diverged" if many == 1 else f"diverged ({cell.diverged} of {many})"), ""
    places = cell.decimals
    return fixed(cell.mean, places), "" if cell.spread is None else fixed(cell.spread, places)


def _paper(table: Table, scale: Scale, cell: Measured, column: str) -> str:
    """The paper's number, and whether ours differs by more than the declared tolerance."""
    if not scale.compare or cell.reference is None or cell.difference is None or cell.diverged:
        return ""
    holds = not table.tolerance_columns or column in table.tolerance_columns
    known = table.tolerance if cell.unit == table.unit and holds else None
    close = known is not None and abs(cell.difference) <= known
    verdict = ", within tolerance" if close else ""
    paper = fixed(cell.reference, cell.decimals)
    return f"paper {paper}, {fixed(cell.difference, cell.decimals, sign=True)}{verdict}"


def _legend(table: Table, grid: Grid) -> tuple[str, ...]:
    spreads = [cell.spread for cell in grid.values()]
    names = ", ".join(gain.label for gain in table.gains)
    if not any(spread is not None for spread in spreads):
        return (ONE_RUN,)
    about = INTERVAL if table.study else PLUS_MINUS
    return (
        about,
        *([BOLD] if compared(table, grid) else []),
        *([GAINS.format(names=names)] if names else []),
    )


def _notes(table: Table, scale: Scale, remarks: Sequence[str]) -> list[str]:
    """Lines under a table: its source, what may be compared, remarks, footnotes."""
    if table.study:
        declared = f"Declared in {table.place}; no paper's numbers are reproduced here."
        return [declared, *remarks] + [note.strip() for note in table.footnotes]
    lines = [f"Reproduces {table.source}."]
    if table.left_out:
        # labels hold commas
        lines.append(f"Left out at scale {scale.title}: {'; '.join(table.left_out)}.")
    if not scale.compare:
        lines.append(
            "These numbers must not be compared with the paper's: other data, networks, schedules."
        )
    elif table.tolerance is not None:
        where = f" ({', '.join(table.tolerance_columns)})" if table.tolerance_columns else ""
        lines.append(
            f"Tolerance{where}: a difference up to {table.tolerance:g} is within the protocol's "
            f"noise. {table.tolerance_source}".strip()
        )
    elif table.tolerance_source:
        lines.append(f"Tolerance: {table.tolerance_source}")
    lines += [*scale.remarks, *remarks]
    return lines + [note.strip() for note in table.footnotes]
