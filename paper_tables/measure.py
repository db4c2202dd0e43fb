"""Measured cells of a table: means and standard deviations over runs, from the results of their
jobs."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal

from scipy.special import stdtrit

from paper_tables.derived_metrics import DERIVED, Results
from pipelines.declare.table import Table
from pipelines.plan.grid import Cell


@dataclass(frozen=True)
class Measured:
    """One cell's numbers.

    Attributes:
        values: one per seed, in the order of the seeds.
        reference: the paper's number, or None.
        unit: of all of them.
        decimals: how many of them are worth printing.
        source: metric and digests of the jobs; two cells of one source show the same runs.  Empty
            for numbers that are computed from other cells.

    Example:
        >>> cell = Measured((40.0, 42.0), reference=40.5)
        >>> cell.mean, round(cell.spread, 2), cell.difference
        (41.0, 1.41, 0.5)
        >>> Measured((40.0,)).spread is None
        True
        >>> round(cell.half_interval, 1)  # two runs say little
        12.7
    """

    values: tuple[float, ...]
    reference: float | None = None
    unit: str = "%"
    decimals: int = 1
    source: tuple[str, ...] = ()

    @property
    def mean(self) -> float:
        """Mean over seeds."""
        return statistics.fmean(self.values)

    @property
    def diverged(self) -> int:
        """How many runs ended in a number that is not finite."""
        return sum(not math.isfinite(value) for value in self.values)

    @property
    def spread(self) -> float | None:
        """Standard deviation over seeds (n - 1); None for a single one, or where one diverged."""
        if len(self.values) < 2 or self.diverged:
            return None
        return statistics.stdev(self.values)

    @property
    def half_interval(self) -> float | None:
        """Half of the 95 % confidence interval of the mean, by Student's t with n - 1 degrees of
        freedom: runs count as independent draws of a normal distribution."""
        spread, n = self.spread, len(self.values)
        if spread is None:
            return None
        return float(stdtrit(n - 1, 0.975)) * spread / math.sqrt(n)

    @property
    def difference(self) -> float | None:
        """Mean minus the paper's number."""
        return None if self.reference is None else self.mean - self.reference


# a cell that the declaration skips is absent
Grid = dict[tuple[str, str], Measured]


def measure(table: Table, cells: tuple[Cell, ...], results: Results) -> Grid:
    """Reads every cell of a table.

    Raises:
        KeyError: a result lacks the metric; says which metrics it has.
    """
    found: Grid = {}
    columns = {column.label: column for column in table.columns}
    for cell in cells:
        values = []
        for job in cell.jobs:
            if cell.metric in DERIVED:
                values.append(DERIVED[cell.metric](job, results))
                continue
            metrics = results.read(job)["metrics"]
            if cell.metric not in metrics:
                raise KeyError(
                    f"{table.file}: {table.name}: ({cell.row}, {cell.column}): "
                    f"no metric {cell.metric!r} in the result of {job.describe()}; "
                    f"it has {', '.join(sorted(metrics))}"
                )
            values.append(float(metrics[cell.metric]))
        column = columns[cell.column]
        found[cell.row, cell.column] = Measured(
            tuple(values),
            table.reference.get((cell.row, cell.column)),
            column.unit or table.unit,
            column.decimals,
            (cell.metric, *(job.digest for job in cell.jobs)),
        )
    return found


def panels(table: Table) -> list[tuple[str, list[tuple[str, str]]]]:
    """What a reader compares: (label, its cells) of every column, or of every row where the table
    compares its columns; without the cells that the table skips."""
    rows, columns = ([entry.label for entry in axis] for axis in (table.rows, table.columns))
    if table.compare == "columns":
        found = [(row, [(row, column) for column in columns]) for row in rows]
    else:
        found = [(column, [(row, column) for row in rows]) for column in columns]
    return [(label, [c for c in cells if c not in table.skip]) for label, cells in found]


def baseline(grid: Grid, cells: list[tuple[str, str]]) -> bool:
    """Whether one result fills all the cells, because nothing that is compared plays a part."""
    return len(cells) > 1 and len({grid[cell].values for cell in cells}) == 1


def compared(table: Table, grid: Grid) -> list[list[tuple[str, str]]]:
    """The cells among which one may be the best: of every comparison those that have a number and
    whose column has a good way; without baselines, and without cells that stand alone."""
    unranked = {column.label for column in table.columns if not column.ranked}
    found = [
        [
            place
            for place in places
            if place in grid and not grid[place].diverged and place[1] not in unranked
        ]
        for _, places in panels(table)
    ]
    return [cells for cells in found if len(cells) > 1 and not baseline(grid, cells)]


def best(table: Table, grid: Grid) -> frozenset[tuple[str, str]]:
    """The cells that are better than all that they are compared with; baselines have none, and no
    column in which neither way is good.

    A comparison has a best cell only if every cell of it has several runs and the best mean leads
    each other by more than the sum of both standard deviations: one run says nothing about the
    next, and means closer than their runs scatter may change places.
    """
    higher = {column.label: table.higher(column.label) for column in table.columns}
    leaders = set()
    for cells in compared(table, grid):
        first = max(
            cells, key=lambda cell: grid[cell].mean if higher[cell[1]] else -grid[cell].mean
        )
        if all(_apart(grid[first], grid[cell]) for cell in cells if cell != first):
            leaders.add(first)
    return frozenset(leaders)


def _apart(one: Measured, other: Measured) -> bool:
    """Whether two means differ by more than the sum of their standard deviations."""
    if one.spread is None or other.spread is None:
        return False
    return abs(one.mean - other.mean) > one.spread + other.spread


NOISE = 6
"""Decimals beyond the last printed one that still count: what is left of a difference of binary
numbers lies below them."""


def fixed(value: float, places: int, *, sign: bool = False) -> str:
    """A number with these decimals, or with more where it would be printed as zero and is not.

    Halves are rounded away from zero as they are written in decimals.  A binary number may lie just
    below the half that it stands for, so that Python's own rounding prints two halves differently.

    Args:
        value: the number.
        places: how many decimals.
        sign: whether a positive number has its sign, too, as a difference has.

    Example:
        >>> fixed(4.26, 1), fixed(0.016, 1), fixed(0.0, 1)
        ('4.3', '0.02', '0.0')
        >>> fixed(17.25, 1), fixed(13.75, 1), fixed(45.15 - 43.0, 1, sign=True)
        ('17.3', '13.8', '+2.2')
    """
    plus = "+" if sign else ""
    if not math.isfinite(value):
        return f"{value:{plus}}"
    exact = Decimal(f"{value:.{places + NOISE}f}")
    # a context without a limit that a binary number could reach
    rounded = exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, Context(prec=400))
    if exact and not rounded:
        return f"{value:{plus}.1g}"
    # zero has no minus
    return f"{rounded if rounded else abs(rounded):{plus}.{places}f}"


def told_apart(one: float, other: float, places: int) -> tuple[str, str]:
    """Two numbers with these decimals, or with as many more as show that they differ.

    Example:
        >>> told_apart(54.7, 56.4, 1), told_apart(54.71, 54.74, 1), told_apart(2.0, 2.0, 1)
        (('54.7', '56.4'), ('54.71', '54.74'), ('2.0', '2.0'))
    """
    while True:
        texts = fixed(one, places), fixed(other, places)
        # 17 digits tell any two doubles apart
        if texts[0] != texts[1] or one == other or places >= 17:
            return texts
        places += 1
