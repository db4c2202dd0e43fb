"""Class activation maps and boxes on example images, for every method of a localization table."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np

from paper_tables.drawings.canvas import Drawing, canvas, save, set_title

LINE = 0.012
"""Half of a box's line, as a share of its tile."""
TRUE, PREDICTED = "#00E000", "#FFFFFF"


def localized(drawing: Drawing, paths: tuple[Path, ...]) -> None:
    """Images with class activation map, predicted and true box: one block of lines for every row
    of the table, one column for every method.

    The images are spread evenly through the test split and the same for all; the networks are
    those of the first run; the predicted box is the largest contour's at MaxBoxAcc's threshold.
    """
    table, cells, store = drawing.table, drawing.cells, drawing.store
    plt = canvas(table.name)
    samples = {
        (cell.row, cell.column): dict(np.load(store.folder(cell.jobs[0]) / "samples.npz"))
        for cell in cells
    }
    count = min(len(sample["names"]) for sample in samples.values())
    lines = []
    drawn: set[str] = set()
    for row in table.rows:
        own = [cell for cell in cells if cell.row == row.label]
        digests = {cell.jobs[0].digest for cell in own}
        if digests <= drawn:
            continue  # another number of networks that are drawn already
        drawn |= digests
        if len({cell.jobs for cell in own}) == 1:
            # what no column plays a part in (a baseline) is drawn once, all images in one line
            lines.append([(row.label, own[0], number) for number in range(count)])
        else:
            lines += [
                [(f"{row.label}: {cell.column}", cell, number) for cell in own]
                for number in range(count)
            ]
    across = max(map(len, lines))
    figure, axes = plt.subplots(
        len(lines),
        across,
        figsize=(1.5 * across + 0.6, 1.62 * len(lines) + 0.9),
        squeeze=False,
        layout="constrained",
    )
    for line, places in zip(lines, axes, strict=True):
        for axis in places:
            axis.set_axis_off()
        for axis, (name, cell, number) in zip(places, line, strict=False):
            _tile(axis, samples[cell.row, cell.column], number)
            if number == 0:
                axis.set_title(name, fontsize=8, loc="left")
    text = (
        f"{drawing.heading()}. Color: class activation map of the true class; "
        "green: true box; white, dashed: box of the largest contour, with its overlap. Images "
        "spread evenly through the test split."
    )
    set_title(figure, text, 8)
    save(figure, paths)
    plt.close(figure)


def _tile(axis: Any, sample: dict[str, np.ndarray], number: int) -> None:
    """One image under its map, with its boxes and their overlap."""
    from matplotlib.patches import Rectangle

    gray = sample["images"][number].mean(2)
    axis.imshow(gray, cmap="gray", vmin=0, vmax=255)
    axis.imshow(sample["maps"][number], cmap="jet", vmin=0, vmax=255, alpha=0.4)
    boxes: list[tuple[list[int], str, Literal["-", "--"]]] = [
        (box, TRUE, "-") for s, *box in sample["true"].tolist() if s == number
    ]
    boxes.append((sample["predicted"][number].tolist(), PREDICTED, "--"))
    height, width = gray.shape
    for (x0, y0, x1, y1), color, line in boxes:
        (left, right), (top, bottom) = _inside(x0, x1, width), _inside(y0, y1, height)
        frame = Rectangle(
            *((left, top), right - left, bottom - top), fill=False, edgecolor=color, linewidth=1.8
        )
        frame.set_linestyle(line)
        axis.add_patch(frame)
    text = f"{100 * sample['overlap'][number]:.0f} %"
    # in shares of the tile: grids differ in size
    axis.text(
        *(0.03, 0.04, text),
        transform=axis.transAxes,
        fontsize=7,
        color="white",
        backgroundcolor="#00000080",
    )


def _inside(first: int, last: int, size: int) -> tuple[float, float]:
    """Edges of the pixels ``first`` to ``last``, at least half a line away from those of the tile,
    which would cut the line."""
    half = LINE * size
    return max(first - 0.5, half - 0.5), min(last + 0.5, size - 0.5 - half)
