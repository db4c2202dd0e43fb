"""Forest plot of a table's paired comparisons: differences to a row with intervals that hold
together, the margin as a band."""

from __future__ import annotations

from pathlib import Path

from paper_tables.drawings.canvas import Drawing, canvas, save, set_title
from paper_tables.drawings.colors import styles
from paper_tables.drawings.dots import dots
from paper_tables.paired import compare_columns

APART = 0.24
"""Between the lines of two references in one row."""


def forest(drawing: Drawing, paths: tuple[Path, ...]) -> None:
    """One panel a column, one line a row and reference; dots of runs where nothing is compared."""
    table, parts = drawing.table, compare_columns(drawing.table, drawing.numbers)
    if not parts or table.paired is None:
        dots(drawing, paths)
        return
    plt = canvas(table.name)
    labels = [row.label for row in table.rows]
    size = (2.2 + 4.2 * len(parts), 1.3 + 0.3 * len(labels))
    figure, axes = plt.subplots(
        1, len(parts), figsize=size, squeeze=False, sharey=True, layout="constrained"
    )
    references = table.paired.references
    looks = styles(references)
    for axis, part in zip(axes.flat, parts, strict=True):
        if table.paired.margin is not None:
            axis.axvspan(-table.paired.margin, table.paired.margin, color="0.92", zorder=0)
        axis.axvline(0, color="black", linewidth=0.8)
        for each in part.found:
            number = references.index(each.reference)
            at = labels.index(each.row) + APART * (number - (len(references) - 1) / 2)
            axis.errorbar(
                each.mean, at, xerr=each.half, fmt="o", color=looks[each.reference].color,
                markersize=4.5, linewidth=1.3, capsize=2,
            )  # fmt: skip
        axis.set_title(part.column.label, fontsize=10)
        axis.set_xlabel(f"difference ({part.column.unit or table.unit})", fontsize=8)
        axis.tick_params(labelsize=8)
        axis.grid(alpha=0.3, axis="x")
        axis.set_axisbelow(True)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0, 0].set_yticks(range(len(labels)), labels)
    axes[0, 0].set_ylim(len(labels) - 0.5, -0.5)
    marks = [
        plt.Line2D([], [], marker="o", color=looks[name].color, label=f"minus {name}")
        for name in references
    ]
    band = "" if table.paired.margin is None else f"; band: ± {table.paired.margin:g}"
    figure.legend(
        handles=marks, loc="outside lower center", ncols=len(marks), fontsize=8, title_fontsize=8,
        title=f"intervals that hold together at {100 * (1 - table.paired.level):g} %{band}",
        frameon=False,
    )  # fmt: skip
    set_title(figure, f"{table.title}: differences by seed", 11)
    save(figure, paths)
    plt.close(figure)
