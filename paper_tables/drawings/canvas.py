"""Matplotlib canvas of every drawing: what a drawing may show, colors, and byte-stable saving."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from paper_tables.measure import Grid
from pipelines.declare.scale import Scale
from pipelines.declare.table import Table
from pipelines.execute.store import Store
from pipelines.plan.grid import Cell
from pipelines.plan.job import Job

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's palette: told apart by color-blind readers
COLORS = ("#999999", "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#F0E442")


@dataclass(frozen=True)
class Drawing:
    """Everything that a picture may show.

    Attributes:
        table, scale: what was declared.
        numbers: the measured cells.
        cells: their jobs, row by row.
        store: where the jobs' results and files are.
    """

    table: Table
    scale: Scale
    numbers: Grid
    cells: tuple[Cell, ...]
    store: Store

    def first_jobs(self) -> dict[str, Job]:
        """The first run of every row, by its label."""
        return {cell.row: cell.jobs[0] for cell in reversed(self.cells)}


def canvas(name: str) -> ModuleType:
    """pyplot without a display; the same drawing gives the same bytes."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = name
    from matplotlib import pyplot

    return pyplot


def save(figure: Figure, paths: tuple[Path, ...]) -> None:
    """Writes a figure to every path (.png, .svg), without a date that would change its bytes."""
    for path in paths:
        figure.savefig(path, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else {})
