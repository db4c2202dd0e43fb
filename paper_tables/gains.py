"""Gains of a table: the declared differences between its cells, with the paper's own beside them.

Runs of one seed share initial weights and order of data, so a gain's spread is that of the
differences seed by seed; where two cells have other numbers of runs, only their means are compared.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import replace

from paper_tables.measure import Grid, Measured
from pipelines.declare.gains import BEST, Gain
from pipelines.declare.table import Table

Place = tuple[str, str]


def measure_gains(table: Table, grid: Grid) -> dict[str, dict[str, Measured]]:
    """Label of every declared gain -> label along the other axis -> the difference; without those
    whose cells are skipped or diverged."""
    return {gain.label: dict(_line(gain, table, grid)) for gain in table.gains}


def _line(gain: Gain, table: Table, grid: Grid) -> list[tuple[str, Measured]]:
    others = table.columns if gain.axis == "row" else table.rows
    found = []
    for entry in others:
        place, rival = gain.places(entry.label), _rival(gain, table, grid, entry.label)
        if rival is None or not (_finite(grid, place) and _finite(grid, rival)):
            continue
        cell = difference(grid[place], grid[rival], relative=gain.relative)
        decimals = cell.decimals if gain.decimals is None else gain.decimals
        paper = gain.reference.get(entry.label)
        found.append((entry.label, replace(cell, reference=paper, decimals=decimals)))
    return found


def _finite(grid: Grid, place: Place) -> bool:
    return place in grid and not grid[place].diverged


def _rival(gain: Gain, table: Table, grid: Grid, label: str) -> Place | None:
    """The cell that is exceeded at a label of the other axis; None where there is none."""
    if gain.pairs:
        return (gain.pairs[label], gain.of) if label in gain.pairs else None
    if gain.over != BEST:
        return replace(gain, of=gain.over).places(label)
    own = table.rows if gain.axis == "row" else table.columns
    places = [
        replace(gain, of=entry.label).places(label) for entry in own if entry.label != gain.of
    ]
    places = [place for place in places if _finite(grid, place)]
    first: Callable[..., Place] = max if table.higher(gain.places(label)[1]) else min
    return first(places, key=lambda place: grid[place].mean) if places else None


def difference(one: Measured, other: Measured, *, relative: bool = False) -> Measured:
    """What the first cell has beyond the second, run by run where both have as many.

    Example:
        >>> difference(Measured((42.0, 44.0)), Measured((40.0, 41.0))).values
        (2.0, 3.0)
        >>> difference(Measured((42.0,)), Measured((40.0,)), relative=True).mean
        5.0
    """
    pairs = list(zip(one.values, other.values, strict=False))
    if len(one.values) != len(other.values):
        pairs = [(statistics.fmean(one.values), statistics.fmean(other.values))]
    values = tuple(100 * (a - b) / b if relative else a - b for a, b in pairs)
    return replace(one, values=values, unit="%" if relative else one.unit, source=())
