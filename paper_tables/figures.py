"""How does a table look as a picture?  One panel for each comparison, one bar for each of what it
compares (as a rule one panel per column and one bar per row), error bars over runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from paper_tables.measure import Grid, baseline, panels
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
    shown = [(label, cells) for label, cells in panels(table) if not baseline(grid, cells)]
    levels = {label: grid[cells[0]].mean for label, cells in panels(table) if baseline(grid, cells)}
    bars_of = table.columns if table.compare == "columns" else table.rows
    labels = [entry.label for entry in bars_of]
    across = max(min(len(shown), 4), 1)
    down = max(-(-len(shown) // across), 1)
    figure, axes = plt.subplots(
        down, across, figsize=(3.3 * across, 3.1 * down + 0.5), squeeze=False, layout="constrained"
    )
    for axis, (title, places) in zip(axes.flat, shown, strict=False):
        # a skipped cell leaves its place empty, so that a row has one place and colour everywhere
        side = 1 if table.compare == "columns" else 0
        found = {labels.index(place[side]): grid[place] for place in places}
        cells = list(found.values())
        means = [cell.mean for cell in cells]
        spreads = [cell.spread or 0.0 for cell in cells]
        colours = [COLOURS[i % len(COLOURS)] for i in found]
        axis.bar(list(found), means, yerr=spreads, color=colours, capsize=3, width=0.72)
        axis.set_xticks(range(len(labels)), labels)
        for i, cell in found.items():
            # every run as a dot: with few runs a bar alone hides more than it shows
            axis.plot([i] * len(cell.values), cell.values, ".", color="black", markersize=4)
        for number, (label, mean) in enumerate(levels.items()):
            line = axis.axhline(mean, linestyle="--", linewidth=1.2, color="black", label=label)
            line.set_dashes((4 + 3 * number, 2))
        if levels:
            axis.legend(fontsize=7, frameon=False)
        low = min([min(c.values) for c in cells] + list(levels.values()))
        high = max([max(c.values) for c in cells] + list(levels.values()))
        room = max(high - low, 0.02 * high, 1e-9)
        axis.set_ylim(max(0.0, low - 0.6 * room), high + 0.25 * room)
        axis.set_title(title, fontsize=10)
        axis.tick_params(axis="x", rotation=40, labelsize=8)
        axis.grid(axis="y", alpha=0.3)
        axis.set_axisbelow(True)
        axis.spines[["top", "right"]].set_visible(False)
    for axis in axes.flat[len(shown) :]:
        axis.set_visible(False)
    axes[0, 0].set_ylabel(table.unit)
    figure.suptitle(f"{table.title} ({scale.title}; axes do not start at 0)", fontsize=11)
    save(figure, paths)
    plt.close(figure)
