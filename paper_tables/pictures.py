"""What do the networks behind a table look at?  Example images with what each method made of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pipelines.grid import Cell
from pipelines.scale import Scale
from pipelines.store import Store
from pipelines.table import Table

TRUE, PREDICTED = "#00E000", "#FFFFFF"


def localized(
    table: Table, cells: tuple[Cell, ...], scale: Scale, store: Store, path: Path
) -> None:
    """Draws images with class activation map, predicted and true box: one block of rows for every
    row of the table, one column for every method.

    The images are spread evenly through the test split and the same for all; the networks are
    those of the first run; the predicted box is the largest contour's at MaxBoxAcc's threshold.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    samples = {
        (cell.row, cell.column): dict(np.load(store.folder(cell.jobs[0]) / "samples.npz"))
        for cell in cells
    }
    # what no column plays a part in (a baseline) is drawn once
    shown = {}
    for row in table.rows:
        own = [cell for cell in cells if cell.row == row.label]
        once = len({cell.jobs for cell in own}) == 1
        shown[row.label] = own[:1] if once else own
    count = min(len(sample["names"]) for sample in samples.values())
    blocks = [(label, number) for label in shown for number in range(count)]
    across = max(len(own) for own in shown.values())
    figure, axes = plt.subplots(
        len(blocks),
        across,
        figsize=(1.5 * across + 0.6, 1.62 * len(blocks) + 0.9),
        squeeze=False,
        layout="constrained",
    )
    for (label, number), line in zip(blocks, axes, strict=True):
        for axis in line:
            axis.set_axis_off()
        for axis, cell in zip(line, shown[label], strict=False):
            _tile(axis, samples[cell.row, cell.column], number)
            if number == 0:
                name = label if len(shown[label]) == 1 else f"{label}: {cell.column}"
                axis.set_title(name, fontsize=8, loc="left")
    figure.suptitle(
        f"{table.title} ({scale.title}). Colour: class activation map of the true class; green: "
        "true box;\nwhite, dashed: box of the largest contour, with its overlap. Images spread "
        "evenly through the test split.",
        fontsize=9,
    )
    figure.savefig(path, dpi=100)
    plt.close(figure)


def _tile(axis: Any, sample: dict[str, np.ndarray], number: int) -> None:
    """One image under its map, with its boxes and their overlap."""
    from matplotlib.patches import Rectangle

    grey = sample["images"][number].mean(2)
    axis.imshow(grey, cmap="gray", vmin=0, vmax=255)
    axis.imshow(sample["maps"][number], cmap="jet", vmin=0, vmax=255, alpha=0.4)
    boxes = [(box, TRUE, "-") for s, *box in sample["true"].tolist() if s == number]
    boxes.append((sample["predicted"][number].tolist(), PREDICTED, "--"))
    for (x0, y0, x1, y1), colour, line in boxes:
        corner = (x0 - 0.5, y0 - 0.5)
        frame = Rectangle(
            *(corner, x1 - x0 + 1, y1 - y0 + 1), fill=False, edgecolor=colour, linewidth=1.8
        )
        frame.set_linestyle(line)
        axis.add_patch(frame)
    text = f"{100 * sample['overlap'][number]:.0f} %"
    axis.text(4, 216, text, fontsize=7, color="white", backgroundcolor="#00000080")
