"""Matplotlib canvas of every drawing: what a drawing may show, its title, and byte-stable
saving."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
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

TOP1 = "Top-1 (%)"
"""Label of an axis."""
LETTERS = 115
"""Letters of one point that fit into an inch."""


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

    def heading(self, *, first: bool = True) -> str:
        """Title and scale; where a cell has several runs, that the first is shown.

        Args:
            first: whether the picture shows the first run alone.
        """
        several = first and any(len(cell.jobs) > 1 for cell in self.cells)
        return f"{self.table.title} ({self.scale.title}{'; first run' if several else ''})"


def canvas(name: str) -> ModuleType:
    """pyplot without a display; the same drawing gives the same bytes."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = name
    from matplotlib import pyplot

    return pyplot


def wrapped(figure: Figure, text: str, size: float) -> str:
    """Text of a font size in lines that are no wider than the figure, which would cut them."""
    width = round(LETTERS / size * figure.get_figwidth())
    return "\n".join(fill(line, width) for line in text.splitlines())


def set_title(figure: Figure, text: str, size: float = 10) -> None:
    """The title of a picture, in as many lines as it takes."""
    figure.suptitle(wrapped(figure, text, size), fontsize=size)


def save(figure: Figure, paths: tuple[Path, ...]) -> None:
    """Writes a figure to every path (.png, .svg), without a date that would change its bytes."""
    for path in paths:
        figure.savefig(path, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else {})
