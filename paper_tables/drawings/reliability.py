"""Reliability diagrams of a calibration table's methods (AutoMix, Figure 8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from downstream.calibration.bins import Bins
from downstream.calibration.diagram import draw_reliability
from paper_tables.drawings.canvas import Drawing, canvas, save, set_title


def reliability(drawing: Drawing, paths: tuple[Path, ...]) -> None:
    """One diagram a row of the table, of its first run over all test images."""
    plt = canvas(drawing.table.name)
    first = drawing.first_jobs()
    bins = {
        row.label: bins_of(drawing.store.read(first[row.label])["history"])
        for row in drawing.table.rows
    }
    figure = draw_reliability(bins)
    text = (
        f"{drawing.heading()}. Blue: accuracy by confidence; "
        "hatched: its gap to the mean confidence; gray: share of the images"
    )
    set_title(figure, text)
    save(figure, paths)
    plt.close("all")


def bins_of(rows: Sequence[Mapping[str, float]]) -> Bins:
    """Bins from the rows of a result."""
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    edges = np.append(columns["lower"], columns["upper"][-1])
    counts = columns["count"].astype(np.int64)
    return Bins(edges, counts, columns["accuracy"], columns["confidence"])
