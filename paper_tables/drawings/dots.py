"""Dot plot of a table: one panel for each comparison, one line for each of what it compares (as a
rule one panel per column and one line per row), a dot for every run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from paper_tables.drawings.canvas import Drawing, canvas, save, set_title, wrapped
from paper_tables.drawings.colors import styles
from paper_tables.measure import Grid, Measured, baseline, panels
from pipelines.declare.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def dots(drawing: Drawing, paths: tuple[Path, ...]) -> None:
    """The picture of a table that names no other: every run a dot, with mean and spread of a cell.

    No bars: their lengths say something about values only on axes that start at 0.
    """
    table, grid, scale = of_one_unit(drawing.table), drawing.numbers, drawing.scale
    plt = canvas(table.name)
    shown = [(label, cells) for label, cells in panels(table) if not baseline(grid, cells)]
    levels = {label: grid[cells[0]].mean for label, cells in panels(table) if baseline(grid, cells)}
    # a level is drawn where the same is measured
    metrics = {entry.label: entry.metric for entry in (*table.rows, *table.columns)}
    compared = table.columns if table.compare == "columns" else table.rows
    labels = [entry.label for entry in compared]
    looks = styles(labels)
    across = 3 if len(shown) in (5, 6, 9) else max(min(len(shown), 4), 1)
    down = max(-(-len(shown) // across), 1)
    size = (1.4 + 2.7 * across, (0.7 + 0.27 * len(labels)) * down + 0.7)
    figure, axes = plt.subplots(
        down, across, figsize=size, squeeze=False, sharey=True, layout="constrained"
    )
    for axis, (title, places) in zip(axes.flat, shown, strict=False):
        # a skipped cell leaves its place empty, so that a row has one place and color everywhere
        side = 1 if table.compare == "columns" else 0
        for place in places:
            label = place[side]
            line(
                axis, labels.index(label), grid[place],
                color=looks[label].color, paper=scale.compare,
            )  # fmt: skip
        own = {key: mean for key, mean in levels.items() if metrics[key] == metrics[title]}
        for number, (label, mean) in enumerate(own.items()):
            level = axis.axvline(mean, linestyle="--", linewidth=1.2, color="black", label=label)
            level.set_dashes((4 + 3 * number, 2))
            # along its line, where it hides no dot
            axis.annotate(
                label, (mean, 0.5), (3, 0), ("data", "axes fraction"), "offset points",
                rotation=90, fontsize=7, va="center",
            )  # fmt: skip
        axis.set_title(title, fontsize=10)
        axis.margins(x=0.08)
        axis.tick_params(labelsize=8)
        axis.grid(alpha=0.3)
        axis.set_axisbelow(True)
        axis.spines[["top", "right"]].set_visible(False)
    for axis in axes.flat[len(shown) :]:
        axis.set_visible(False)
    axes[0, 0].set_yticks(range(len(labels)), labels)
    # the first row on top, as in the table
    axes[0, 0].set_ylim(len(labels) - 0.5, -0.5)
    set_title(figure, drawing.heading(first=False), 11)
    below = f"{table.unit}: {marks(grid, paper=scale.compare)}"
    figure.supxlabel(wrapped(figure, below, 8), fontsize=8)
    save(figure, paths)
    plt.close(figure)


def of_one_unit(table: Table) -> Table:
    """The table with the columns that one axis can show: those in its own unit in which one way is
    good.  Where there are none, those in the unit of the first column."""
    own = [c for c in table.columns if c.ranked and c.unit in (None, table.unit)]
    first = table.columns[0].unit or table.unit
    own = own or [c for c in table.columns if (c.unit or table.unit) == first]
    return replace(table, columns=tuple(own), unit=own[0].unit or table.unit)


def line(axis: Axes, at: int, cell: Measured, *, color: str, paper: bool) -> None:
    """One cell at a height: its runs, their mean and standard deviation, the paper's number."""
    if cell.diverged:
        # beside its place, so that an empty line is not taken for a run that is missing
        axis.annotate(
            "diverged", (0.02, at), xycoords=("axes fraction", "data"), va="center", fontsize=7
        )
        return
    if cell.spread is not None:
        axis.errorbar(cell.mean, at, xerr=cell.spread, color="black", linewidth=1.2, capsize=2.5)
        axis.plot(cell.mean, at, "|", color="black", markersize=11, markeredgewidth=1.8)
    axis.plot(
        cell.values, [at] * len(cell.values), "o", color=color, markersize=6.5, markeredgecolor="k"
    )
    if paper and cell.reference is not None:
        axis.plot(cell.reference, at, "D", color="black", fillstyle="none", markersize=6)


def marks(grid: Grid, *, paper: bool) -> str:
    """What the marks of the picture mean, in words."""
    many = any(cell.spread is not None for cell in grid.values())
    words = "a dot is a run" + ("; line: mean and standard deviation" if many else "")
    return words + ("; diamond: the paper's number" if paper else "")
