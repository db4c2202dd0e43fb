"""Findings of a run that are the reverse of what a paper says, as lines below its table.

Where a paper's own numbers deny its sentence (a rule of :mod:`paper_tables.claims.contradictions`),
the line says so: no run can agree with both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from paper_tables.measure import Grid, Measured, told_apart
from pipelines.declare.claims import Place, Sentence, leads, read_sentences_of
from pipelines.declare.scale import Scale
from pipelines.declare.table import Table

SHOWN = 4
"""Pairs that a line names; of more, their number is said."""


def reversed_notes(table: Table, scale: Scale, grid: Grid) -> list[str]:
    """The lines of :func:`reversed_lines` by the repository's sentences; a study has none."""
    if table.study:
        return []
    return reversed_lines(table, scale, grid, read_sentences_of(table.whole or table))


def reversed_lines(
    table: Table, scale: Scale, grid: Grid, sentences: Sequence[Sentence]
) -> list[str]:
    """A line for every sentence about a table of which this run shows pairs the other way around.

    Means alone are compared, so a line is no verdict; a cell that diverged is not compared, and
    neither are two cells that one result fills.
    """
    lines = []
    for sentence in sentences:
        if sentence.table != table.name:
            continue
        pairs = list(_compared(sentence, grid))
        broken = [pair for pair in pairs if not _as_said(sentence, table, grid, pair)]
        if not broken:
            continue
        own = _own_numbers(sentence, table.whole or table)
        shown = "; ".join(_pair(grid, *pair) for pair in broken[:SHOWN])
        more = f"; and {len(broken) - SHOWN} more" if len(broken) > SHOWN else ""
        lines.append(
            f"Reversed here: the paper ({sentence.place}) has {sentence.text}; "
            f"{len(broken)} of {len(pairs)} pairs are the other way around: {shown}{more} "
            f"({_runs(grid, broken)}, scale {scale.name}: no verdict).{own}"
        )
    return lines


def _own_numbers(sentence: Sentence, table: Table) -> str:
    """The pairs of printed numbers that deny a sentence, ties among them; "" where none do."""
    decimals = {column.label: column.decimals for column in table.columns}
    printed = {
        place: Measured((number,), decimals=decimals[place[1]])
        for place, number in table.reference.items()
    }
    broken = [
        pair
        for pair in sentence.pairs
        if any(
            x <= 0 for x in leads(replace(sentence, pairs=(pair,)), table, table.reference).values()
        )
    ]
    shown = "; ".join(_pair(printed, *pair) for pair in broken)
    return f" The paper's own table denies its sentence: {shown}." if broken else ""


def _compared(sentence: Sentence, grid: Grid) -> Iterator[tuple[Place, Place]]:
    for left, right in sentence.pairs:
        cells = [grid[place] for place in (left, right) if place in grid]
        if len(cells) == 2 and not any(cell.diverged for cell in cells):
            yield left, right


def _as_said(sentence: Sentence, table: Table, grid: Grid, pair: tuple[Place, Place]) -> bool:
    lead = grid[pair[0]].mean - grid[pair[1]].mean
    return lead >= 0 if sentence.higher(table, pair[0]) else lead <= 0


def _pair(grid: Grid, left: Place, right: Place) -> str:
    one, other = grid[left], grid[right]
    ours, theirs = told_apart(one.mean, other.mean, max(one.decimals, other.decimals))
    return f"{' / '.join(left)} {ours} against {' / '.join(right)} {theirs}"


def _runs(grid: Grid, pairs: Sequence[tuple[Place, Place]]) -> str:
    most = max(len(grid[place].values) for pair in pairs for place in pair)
    return "one run" if most == 1 else f"at most {most} runs a cell"
