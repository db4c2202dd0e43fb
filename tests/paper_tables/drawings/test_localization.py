"""Class activation maps with their boxes."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from paper_tables.drawings.localization import _tile


@pytest.mark.parametrize("side", [32, 224])
def test_a_tile_shows_its_overlap_inside_the_image_on_every_grid(side):
    sample = {
        "images": np.zeros((1, side, side, 3), np.uint8),
        "maps": np.zeros((1, side, side), np.uint8),
        "predicted": np.array([[0, 0, side - 1, side - 1]]),
        "overlap": np.array([0.5]),
        "true": np.array([[0, 1, 1, side // 2, side // 2]]),
    }
    figure = Figure(figsize=(2, 2))
    axis = figure.add_axes((0, 0, 1, 1))
    _tile(axis, sample, 0)
    (text,) = axis.texts
    assert text.get_text() == "50 %"
    corners = text.get_window_extent().get_points()
    frame = axis.get_window_extent()
    assert all(frame.contains(*corner) for corner in corners)


@pytest.mark.parametrize("side", [32, 224])
def test_boxes_at_the_edge_of_a_tile_are_seen_whole(side):
    sample = {
        "images": np.zeros((1, side, side, 3), np.uint8),
        "maps": np.zeros((1, side, side), np.uint8),
        "predicted": np.array([[0, 0, side - 1, side - 1]]),
        "overlap": np.array([0.5]),
        "true": np.array([[0, 8, 9, 20, 21]]),
    }
    figure = Figure(figsize=(1.5, 1.5))
    axis = figure.add_axes((0, 0, 1, 1))
    _tile(axis, sample, 0)
    true, predicted = axis.patches
    # a box inside stays where it is
    assert true.get_bbox().extents == pytest.approx((7.5, 8.5, 20.5, 21.5))
    half = predicted.get_linewidth() / 2 * figure.dpi / 72
    line, frame = predicted.get_window_extent(), axis.get_window_extent()
    assert line.x0 - half >= frame.x0
    assert line.y0 - half >= frame.y0
    assert line.x1 + half <= frame.x1
    assert line.y1 + half <= frame.y1
