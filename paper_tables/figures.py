"""How does a table look as a picture?  One panel per column, one bar per row, error bars over
runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from paper_tables.measure import Grid
from pipelines.errors import DeclarationError
from pipelines.grid import Cell
from pipelines.scale import Scale
from pipelines.store import Store
from pipelines.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's palette: told apart by colour-blind readers
COLOURS = ("#999999", "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#F0E442")


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


Draw = Callable[[Drawing, tuple[Path, ...]], None]


def drawer(path: str) -> Draw:
    """The function that a declaration names as "module:function".

    Raises:
        DeclarationError: there is no such function.
    """
    module, _, name = path.partition(":")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise DeclarationError(f"figure {path!r}: {error}") from None


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


def bars(drawing: Drawing, paths: tuple[Path, ...]) -> None:
    """The picture of a table that names no other: its bar chart."""
    table, grid, scale = drawing.table, drawing.numbers, drawing.scale
    plt = canvas(table.name)
    labels = [row.label for row in table.rows]
    columns = [column.label for column in table.columns]
    across = min(len(columns), 4)
    down = -(-len(columns) // across)
    figure, axes = plt.subplots(
        down, across, figsize=(3.3 * across, 3.1 * down + 0.5), squeeze=False, layout="constrained"
    )
    for axis, column in zip(axes.flat, columns, strict=False):
        # a skipped cell leaves its place empty, so that a row has one place and colour everywhere
        found = {i: grid[row, column] for i, row in enumerate(labels) if (row, column) in grid}
        cells = list(found.values())
        means = [cell.mean for cell in cells]
        spreads = [cell.spread or 0.0 for cell in cells]
        colours = [COLOURS[i % len(COLOURS)] for i in found]
        axis.bar(list(found), means, yerr=spreads, color=colours, capsize=3, width=0.72)
        axis.set_xticks(range(len(labels)), labels)
        for i, cell in found.items():
            # every run as a dot: with few runs a bar alone hides more than it shows
            axis.plot([i] * len(cell.values), cell.values, ".", color="black", markersize=4)
        low = min(min(c.values) for c in cells)
        high = max(max(c.values) for c in cells)
        room = max(high - low, 0.02 * high, 1e-9)
        axis.set_ylim(max(0.0, low - 0.6 * room), high + 0.25 * room)
        axis.set_title(column, fontsize=10)
        axis.tick_params(axis="x", rotation=40, labelsize=8)
        axis.grid(axis="y", alpha=0.3)
        axis.set_axisbelow(True)
        axis.spines[["top", "right"]].set_visible(False)
    for axis in axes.flat[len(columns) :]:
        axis.set_visible(False)
    axes[0, 0].set_ylabel(table.unit)
    figure.suptitle(f"{table.title} ({scale.title}; axes do not start at 0)", fontsize=11)
    save(figure, paths)
    plt.close(figure)
