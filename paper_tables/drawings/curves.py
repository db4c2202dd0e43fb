"""Curves of accuracy along the rows of a table, or over what a step costs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from paper_tables.drawings.canvas import TOP1, Drawing, canvas, save, set_title
from paper_tables.drawings.colors import styles
from paper_tables.measure import Measured


def over_rows(drawing: Drawing, paths: tuple[Path, ...]) -> None:
    """One line per column over the rows in their order: the rows are values of one setting, which
    is named below the axis where all labels have the form "name = value"."""
    table, numbers = drawing.table, drawing.numbers
    plt = canvas(table.name)
    figure, axis = plt.subplots(figsize=(5.2, 3.6), layout="constrained")
    labels = [row.label for row in table.rows]
    looks = styles(column.label for column in table.columns)
    for i, column in enumerate(table.columns):
        cells = [numbers[label, column.label] for label in labels]
        axis.errorbar(
            range(len(labels)),
            [cell.mean for cell in cells],
            yerr=_spreads(cells),
            **looks[column.label]._asdict(),
            # columns may agree to the last digit: dashes let both be seen
            linestyle=("-", "--", ":")[i % 3],
            capsize=3,
            label=column.label,
        )
    setting, values = _setting(labels)
    axis.set_xticks(range(len(labels)), values)
    axis.set_xlabel(setting)
    metric = table.columns[0].metric or table.rows[0].metric or ""
    _finish(axis, TOP1 if metric == "top1" else f"{metric} ({table.unit})")
    title = f"{table.title} ({drawing.scale.title}; the axis does not start at 0)"
    set_title(figure, title)
    save(figure, paths)
    plt.close(figure)


def accuracy_over_cost(drawing: Drawing, paths: tuple[Path, ...]) -> None:
    """Every row as a point: the second column across, the first one up."""
    table, numbers = drawing.table, drawing.numbers
    up, across = table.columns[:2]
    plt = canvas(table.name)
    figure, axis = plt.subplots(figsize=(5.2, 3.8), layout="constrained")
    looks = styles(row.label for row in table.rows)
    for row in table.rows:
        x, y = numbers[row.label, across.label], numbers[row.label, up.label]
        axis.errorbar(
            x.mean, y.mean, xerr=_spreads([x]), yerr=_spreads([y]),
            **looks[row.label]._asdict(), capsize=3, linestyle="", label=row.label,
        )  # fmt: skip
    _finish(axis, f"{up.label} ({up.unit or table.unit})")
    axis.set_xlabel(across.label)
    set_title(figure, f"{table.title} ({drawing.scale.title}; axes do not start at 0)")
    save(figure, paths)
    plt.close(figure)


def _spreads(cells: Sequence[Measured]) -> list[float] | None:
    """Lengths of the error bars; None where no cell has several runs: a legend shows bars that are
    drawn, even without a length."""
    spreads = [cell.spread for cell in cells]
    return [s or 0.0 for s in spreads] if any(s is not None for s in spreads) else None


def _setting(labels: Sequence[str]) -> tuple[str, list[str]]:
    """The setting that the labels are values of, and the values; "" and the labels where they do
    not say it.

    Example:
        >>> _setting(["l = 1", "l = 2"]), _setting(["Mixup", "CutMix"])
        (('l', ['1', '2']), ('', ['Mixup', 'CutMix']))
    """
    parts = [label.partition(" = ") for label in labels]
    names = {name for name, equals, _ in parts if equals}
    if len(names) == 1 and all(value for _, _, value in parts):
        return names.pop(), [value for _, _, value in parts]
    return "", list(labels)


def _finish(axis, label: str) -> None:
    axis.set_ylabel(label)
    axis.grid(alpha=0.3)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(fontsize=8, frameon=False)
