"""Findings of a run that are the reverse of what a paper says, as lines below its table.

Where a paper's own numbers deny its sentence (a rule of :mod:`paper_tables.claims.contradictions`),
the line says so: no run can agree with both.
"""

from __future__ import annotations

from collections.abc import Sequence

from paper_tables.measure import Grid, Measured, told_apart
from pipelines.declare.claims import Place, Sentence, lead, read_sentences_of
from pipelines.declare.scale import Scale
from pipelines.declare.table import Table

Pair = tuple[Place, Place]

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
    neither are two cells that one result fills.  Pairs of the same runs count once.
    """
    lines = []
    for sentence in sentences:
        if sentence.table != table.name:
            continue
        groups = _compared(sentence, table, grid)
        broken = [pairs for pairs in groups if not _as_said(sentence, table, grid, pairs[0])]
        if not broken:
            continue
        own = _own_numbers(sentence, table.whole or table)
        shown = "; ".join(_shown(grid, pairs) for pairs in broken[:SHOWN])
        more = f"; and {len(broken) - SHOWN} more" if len(broken) > SHOWN else ""
        lines.append(
            f"Reversed here: the paper ({sentence.place}) has {sentence.text}; "
            f"{_count(len(broken), len(groups))} the other way around: {shown}{more} "
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
        if table.reference.keys() >= set(pair) and lead(sentence, table, pair, table.reference) <= 0
    ]
    shown = "; ".join(_shown(printed, [pair]) for pair in broken)
    return f" The paper's own table denies its sentence: {shown}." if broken else ""


def _compared(sentence: Sentence, table: Table, grid: Grid) -> list[list[Pair]]:
    """The pairs of a sentence that can be compared, those of the same runs together: at a small
    scale columns may share all their jobs."""
    groups: dict[object, list[Pair]] = {}
    for pair in sentence.pairs:
        cells = [grid[place] for place in pair if place in grid]
        if len(cells) < 2 or any(cell.diverged for cell in cells):
            continue
        one, other = (cell.source for cell in cells)
        if not (one and other):
            groups[pair] = [pair]  # it is not known from which runs
        elif one != other:
            groups.setdefault((one, other, sentence.higher(table, pair[0])), []).append(pair)
    return list(groups.values())


def _as_said(sentence: Sentence, table: Table, grid: Grid, pair: Pair) -> bool:
    return lead(sentence, table, pair, {place: grid[place].mean for place in pair}) >= 0


def _count(broken: int, of: int) -> str:
    if of == 1:
        return "the one pair is"
    return f"{broken} of {of} pairs {'is' if broken == 1 else 'are'}"


def _shown(grid: Grid, pairs: Sequence[Pair]) -> str:
    """The first of several pairs of the same runs; a label that both sides share is named once."""
    left, right = pairs[0]
    one, other = grid[left], grid[right]
    ours, theirs = told_apart(one.mean, other.mean, max(one.decimals, other.decimals))
    shared = [label for label, again in zip(left, right, strict=True) if label == again]
    names = [" / ".join(label for label in place if label not in shared) for place in pairs[0]]
    where = f" at {shared[0]}" if shared else ""
    again = f" (the same runs fill {len(pairs) - 1} more)" if len(pairs) > 1 else ""
    return f"{_named(names[0], ours)} against {_named(names[1], theirs)}{where}{again}"


def _named(name: str, number: str) -> str:
    """A label and its number, which a label that ends in a number ("l = 3") would run into."""
    return f"{name}{':' if name[-1:].isdigit() else ''} {number}"


def _runs(grid: Grid, groups: Sequence[Sequence[Pair]]) -> str:
    most = max(len(grid[place].values) for pairs in groups for place in pairs[0])
    return "one run" if most == 1 else f"at most {most} runs a cell"
