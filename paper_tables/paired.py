"""Comparisons of methods that were run with the same seeds, corrected for their number.

The runs of a column are a two-way layout: a method's mean, a seed's shift, and a rest.  The rest's
variance is taken to be the same for every method, so it is estimated from all rows at once (Tukey,
1949; with two rows this is the paired t test).  What is said holds for the images that were used:
runs differ in their seed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from paper_tables.measure import Grid, fixed
from pipelines.declare.axis import Entry
from pipelines.declare.paired import Paired
from pipelines.declare.table import Table

BETTER, WORSE, EQUAL, OPEN = "better", "worse", "within the margin", "undecided"


@dataclass(frozen=True)
class Difference:
    """A row minus its reference.

    Attributes:
        row, reference: labels.
        mean: of the differences.
        half: half of its confidence interval; those of a column hold together (Bonferroni).
        p: two-sided, adjusted for the number of comparisons (Holm, 1979).
        word: "better", "worse", "within the margin" or "undecided".
    """

    row: str
    reference: str
    mean: float
    half: float
    p: float
    word: str


@dataclass(frozen=True)
class Rest:
    """The rest of a two-way layout.

    Attributes:
        spread: its standard deviation.
        freedom: its degrees of freedom.

    Example:
        >>> rest([[1.0, 2.0, 3.0], [2.0, 3.0, 4.0]])  # rows that differ by a constant
        Rest(spread=0.0, freedom=2)
    """

    spread: float
    freedom: int


def rest(values: Sequence[Sequence[float]]) -> Rest:
    """What means of rows [R] and seeds [S] leave of values [R, S]; two of each at least."""
    found = np.asarray(values, dtype=float)
    left = found - found.mean(1, keepdims=True) - found.mean(0) + found.mean()
    freedom = (found.shape[0] - 1) * (found.shape[1] - 1)
    return Rest(math.sqrt(float((left**2).sum()) / freedom), freedom)


def compare(
    values: dict[str, Sequence[float]], declared: Paired, higher_is_better: bool = True
) -> tuple[list[Difference], Rest]:
    """The declared comparisons of one column.

    Args:
        values: row -> one number for each seed, of the same seeds for all; two rows and two seeds
            at least.
        declared: which rows are compared, margin and level.
        higher_is_better: which way is better.

    Returns:
        A difference for every pair, in the declared order; and the rest.

    Example:
        >>> runs = {"Vanilla": [50.0, 51.0, 49.5], "Mixup": [53.1, 54.0, 52.4]}
        >>> (found,), _ = compare(runs, Paired(("Vanilla",)))
        >>> found.word, round(found.mean, 2)
        ('better', 3.0)
    """
    pairs, noise = declared.pairs(list(values)), rest(list(values.values()))
    many = len(next(iter(values.values())))
    error = noise.spread * math.sqrt(2 / many)
    means = [float(np.mean(values[row]) - np.mean(values[other])) for row, other in pairs]
    raw = [_two_sided(mean, error, noise.freedom) for mean in means]
    half = float(stdtrit(noise.freedom, 1 - declared.level / len(pairs) / 2)) * error
    found = []
    for (row, other), mean, p in zip(pairs, means, holm(raw), strict=True):
        within = declared.margin is not None and abs(mean) + half <= declared.margin
        apart = BETTER if (mean > 0) == higher_is_better else WORSE
        word = EQUAL if within else apart if p <= declared.level else OPEN
        found.append(Difference(row, other, mean, half, p, word))
    return found, noise


def _two_sided(mean: float, error: float, freedom: int) -> float:
    if not error:
        return float(mean == 0)
    return 2 * float(stdtr(freedom, -abs(mean) / error))


def holm(values: Sequence[float]) -> list[float]:
    """p-values adjusted for their number (Holm, 1979).

    Example:
        >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
        [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(values)), key=values.__getitem__)
    adjusted, least = [0.0] * len(values), 0.0
    for rank, place in enumerate(order):
        least = max(least, min(1.0, (len(values) - rank) * values[place]))
        adjusted[place] = least
    return adjusted


@dataclass(frozen=True)
class Compared:
    """The comparisons of one column.

    Attributes:
        column: as declared.
        found: the differences.
        noise: what a run scatters by.
        seeds: runs a row.
        left_out: rows that cannot be compared.
    """

    column: Entry
    found: tuple[Difference, ...]
    noise: Rest
    seeds: int
    left_out: tuple[str, ...]


def compare_columns(table: Table, grid: Grid) -> list[Compared]:
    """The declared comparisons of every column in which there is anything to compare."""
    columns: list[Compared] = []
    if table.paired is None:
        return columns
    for column in table.columns:
        runs, left_out = _comparable(table, grid, column.label)
        if len(runs) < 2 or not table.paired.pairs(list(runs)):
            continue
        found, noise = compare(runs, table.paired, table.higher(column.label))
        seeds = len(next(iter(runs.values())))
        columns.append(Compared(column, tuple(found), noise, seeds, tuple(left_out)))
    return columns


def _comparable(
    table: Table, grid: Grid, column: str
) -> tuple[dict[str, Sequence[float]], list[str]]:
    """(row -> its runs, of those that have as many as most and diverged in none; the others)."""
    places = [(row.label, column) for row in table.rows]
    cells = {place[0]: grid[place] for place in places if place in grid}
    counts = [len(cell.values) for cell in cells.values()]
    many = max(counts, key=counts.count) if counts else 0
    kept: dict[str, Sequence[float]] = {
        row: cell.values
        for row, cell in cells.items()
        if many > 1 and len(cell.values) == many and not cell.diverged
    }
    return kept, [row for row in cells if row not in kept]


def paired_notes(table: Table, grid: Grid) -> list[str]:
    """The lines of a table's declared comparisons: one for each column and reference, and how they
    were made."""
    if table.paired is None:
        return []
    lines = []
    for part in compare_columns(table, grid):
        title = f"{part.column.label}: " if len(table.columns) > 1 else ""
        places, noise = part.column.decimals, part.noise
        for reference in dict.fromkeys(each.reference for each in part.found):
            own = [each for each in part.found if each.reference == reference]
            said = "; ".join(_said(own, table.paired, places))
            lines.append(f"{title}Against {reference}, by seed: {said}.")
        missing = (
            " Left out, since they diverged or have another number of runs: "
            f"{', '.join(part.left_out)}."
            if part.left_out
            else ""
        )
        lines.append(
            f"{title}{len(part.found)} comparisons at {100 * table.paired.level:g} % together "
            f"(tests by Holm, intervals by Bonferroni), {part.seeds} seeds; beside means and seeds "
            f"a run scatters by {fixed(noise.spread, places + 1)} ({noise.freedom} degrees of "
            "freedom, taken to be the same for all rows). The images are the same in all runs."
            f"{missing}"
        )
    return lines


def _said(found: Sequence[Difference], declared: Paired, places: int) -> Iterator[str]:
    for word in (BETTER, WORSE, EQUAL, OPEN):
        own = [each for each in found if each.word == word]
        if not own:
            continue
        name = f"within {declared.margin:g}" if word == EQUAL else word
        shown = ", ".join(
            f"{each.row} {fixed(each.mean, places, sign=True)} "
            f"({fixed(each.mean - each.half, places)} to {fixed(each.mean + each.half, places)})"
            for each in own
        )
        yield f"{name}: {shown}"
