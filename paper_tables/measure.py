"""What has been measured for a table?  Means and spreads of its cells, from the results of their
jobs."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from pipelines.grid import Cell
from pipelines.store import Store
from pipelines.table import Table


@dataclass(frozen=True)
class Measured:
    """One cell's numbers.

    Attributes:
        values: one per seed, in the order of the seeds.
        reference: the paper's number, or None.
        decimals: how many of them are worth printing.
    """

    values: tuple[float, ...]
    reference: float | None = None
    decimals: int = 1

    @property
    def mean(self) -> float:
        """Mean over seeds."""
        return statistics.fmean(self.values)

    @property
    def spread(self) -> float | None:
        """Standard deviation over seeds (n - 1); None for a single one."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None

    @property
    def difference(self) -> float | None:
        """Mean minus the paper's number."""
        return None if self.reference is None else self.mean - self.reference


# a cell that the declaration skips is absent
Grid = dict[tuple[str, str], Measured]


def measure(table: Table, cells: tuple[Cell, ...], store: Store) -> Grid:
    """Reads every cell of a table.

    Raises:
        KeyError: a result lacks the metric; says which metrics it has.
    """
    found: Grid = {}
    decimals = {column.label: column.decimals for column in table.columns}
    for cell in cells:
        values = []
        for job in cell.jobs:
            metrics = store.read(job)["metrics"]
            if cell.metric not in metrics:
                raise KeyError(
                    f"{table.file}: {table.name}: ({cell.row}, {cell.column}): "
                    f"no metric {cell.metric!r} in the result of {job.describe()}; "
                    f"it has {', '.join(sorted(metrics))}"
                )
            values.append(float(metrics[cell.metric]))
        found[cell.row, cell.column] = Measured(
            tuple(values),
            table.reference.get((cell.row, cell.column)),
            decimals[cell.column],
        )
    return found


def best(table: Table, grid: Grid, column: str) -> str:
    """Label of the row with the best mean in a column; "" where nothing is measured."""
    rows = [row.label for row in table.rows if (row.label, column) in grid]
    (entry,) = (entry for entry in table.columns if entry.label == column)
    said = entry.higher_is_better
    sign = 1 if (table.higher_is_better if said is None else said) else -1
    return max(rows, key=lambda row: sign * grid[row, column].mean, default="")
