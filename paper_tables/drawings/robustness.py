"""Robustness of a table's methods: accuracy by corruption, and error by strength of the attack."""

from __future__ import annotations

from pathlib import Path

from downstream.robustness.scores import CorruptionAccuracy
from paper_tables.drawings.canvas import Drawing, canvas, save, set_title
from paper_tables.drawings.colors import Style, styles
from pipelines.execute.robustness import read_table

ATTACKS = {
    "clean_error": "none",
    "fgsm_error": "FGSM",
    "pgd_error": "PGD",
    "apgd_ce_error": "APGD-CE",
    "apgd_dlr_error": "APGD-DLR",
    "strongest_error": "strongest",
}
"""Metrics in the order of the axis, and what they are called there."""


def by_corruption_and_attack(drawing: Drawing, paths: tuple[Path, ...]) -> None:
    """Left: one line a method over the corruptions, hardest first; right: over the attacks.

    Shown is the first run of each row.
    """
    plt = canvas(drawing.table.name)
    results = {
        row.label: drawing.store.read(cell.jobs[0])
        for row in drawing.table.rows
        for cell in drawing.cells
        if cell.row == row.label
    }
    tables = {label: read_table(result) for label, result in results.items()}
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(11, 4.2), width_ratios=(1.9, 1), layout="constrained"
    )
    looks = styles(results)
    _corruptions(left, tables, looks)
    for label, result in results.items():
        known = [name for name in ATTACKS if name in result["metrics"]]
        right.plot(
            [ATTACKS[name] for name in known],
            [result["metrics"][name] for name in known],
            linestyle="-",
            **looks[label]._asdict(),
            markersize=4,
            label=label,
        )
    right.set(title="error under attack (%)", ylim=(0, 103))
    for axis in (left, right):
        axis.tick_params(axis="x", rotation=60, labelsize=8)
        axis.tick_params(axis="y", labelsize=8)
        axis.title.set_fontsize(10)
        axis.grid(alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
        for text in axis.get_xticklabels():
            text.set(ha="right", rotation_mode="anchor")
    left.legend(fontsize=8, frameon=False, ncols=3)
    set_title(figure, drawing.heading())
    save(figure, paths)
    plt.close(figure)


def _corruptions(axis, tables: dict[str, CorruptionAccuracy], looks: dict[str, Style]) -> None:
    """Accuracy by corruption, mean over severities; the first method's worst one comes first."""
    first = next(iter(tables.values()))
    order = first.accuracy.mean(1).argsort(kind="stable")
    for label, table in tables.items():
        axis.plot(
            [first.names[i].replace("_", " ") for i in order],
            [table.mean((first.names[i],)) for i in order],
            linestyle="-",
            **looks[label]._asdict(),
            markersize=4,
            label=label,
        )
    axis.set(title="accuracy by corruption, mean over five severities (%)")
