"""True and predicted masks of test images, for every network of a segmentation table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from downstream.segmentation.metrics import IGNORE
from paper_tables.drawings.canvas import Drawing, canvas, save, set_title
from pipelines.execute.segment import SAMPLES


def segmented(drawing: Drawing, paths: tuple[Path, ...]) -> None:
    """One line an image: the image, its true classes, and what each network sees.

    Networks that several rows share are drawn once; shown is the first run.
    """
    plt = canvas(drawing.table.name)
    shown: dict[str, tuple[str, dict[str, np.ndarray]]] = {}
    for cell in drawing.cells:
        job = cell.jobs[0]
        if job.digest not in shown:
            path = drawing.store.kept_file(job, SAMPLES)
            shown[job.digest] = cell.row, dict(np.load(path))
    first = next(iter(shown.values()))[1]
    count = sum(name.startswith("image_") for name in first)
    figure, axes = plt.subplots(
        count,
        len(shown) + 2,
        figsize=(2.1 * (len(shown) + 2), 2.1 * count + 0.5),
        squeeze=False,
        layout="constrained",
    )
    for place, line in enumerate(axes):
        for axis in line:
            axis.set_axis_off()
        true = first[f"true_{place}"]
        line[0].imshow(first[f"image_{place}"])
        _classes(line[1], true)
        for axis, (_, sample) in zip(line[2:], shown.values(), strict=True):
            _classes(axis, sample[f"predicted_{place}"])
    titles = ["image", "true", *(row for row, _ in shown.values())]
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title, fontsize=9)
    set_title(figure, drawing.heading())
    save(figure, paths)
    plt.close(figure)


def _classes(axis: Any, mask: np.ndarray) -> None:
    """A mask in colors that are the same in every picture; ignored pixels are white."""
    colors = np.ones((256, 3))
    turns = np.arange(255)[:, None] * 0.618 + np.array([0.0, 1 / 3, 2 / 3])
    colors[:IGNORE] = 0.5 + 0.4 * np.cos(2 * np.pi * turns)
    colors[0] = 0.15  # the first class is the background, or the sky
    axis.imshow(colors[mask])
