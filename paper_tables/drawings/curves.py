"""Curves of accuracy along the rows of a table, or over what a step costs."""

from __future__ import annotations

from pathlib import Path

from paper_tables.drawings.canvas import COLORS, Drawing, canvas, save


def over_rows(drawing: Drawing, paths: tuple[Path, ...]) -> None:
    """One line per column over the rows in their order: the rows are values of one setting."""
    table, numbers = drawing.table, drawing.numbers
    plt = canvas(table.name)
    figure, axis = plt.subplots(figsize=(5.2, 3.6), layout="constrained")
    labels = [row.label for row in table.rows]
    for i, column in enumerate(table.columns):
        cells = [numbers[label, column.label] for label in labels]
        axis.errorbar(
            range(len(labels)),
            [cell.mean for cell in cells],
            yerr=[cell.spread or 0.0 for cell in cells],
            color=COLORS[(i + 1) % len(COLORS)],
            # columns may agree to the last digit: dashes let both be seen
            linestyle=("-", "--", ":")[i % 3],
            marker="o",
            capsize=3,
            label=column.label,
        )
    axis.set_xticks(range(len(labels)), labels)
    _finish(axis, table.columns[0].metric or "", table.unit)
    figure.suptitle(f"{table.title} ({drawing.scale.title}; the axis does not start at 0)", size=10)
    save(figure, paths)
    plt.close(figure)


def accuracy_over_cost(drawing: Drawing, paths: tuple[Path, ...]) -> None:
    """Every row as a point: the second column across, the first one up."""
    table, numbers = drawing.table, drawing.numbers
    up, across = table.columns[:2]
    plt = canvas(table.name)
    figure, axis = plt.subplots(figsize=(5.2, 3.8), layout="constrained")
    for i, row in enumerate(table.rows):
        x, y = numbers[row.label, across.label], numbers[row.label, up.label]
        axis.errorbar(
            x.mean, y.mean, xerr=x.spread or 0.0, yerr=y.spread or 0.0,
            color=COLORS[i % len(COLORS)], marker="o", capsize=3, linestyle="", label=row.label,
        )  # fmt: skip
    _finish(axis, up.label, table.unit)
    axis.set_xlabel(across.label)
    figure.suptitle(f"{table.title} ({drawing.scale.title}; axes do not start at 0)", size=10)
    save(figure, paths)
    plt.close(figure)


def _finish(axis, label: str, unit: str) -> None:
    axis.set_ylabel(f"{label} ({unit})")
    axis.grid(alpha=0.3)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(fontsize=8, frameon=False)
