"""Reliability diagrams: what is drawn is what was measured."""

import numpy as np
import pytest

from downstream.calibration.bins import bin_confidences
from downstream.calibration.diagram import draw_reliability
from downstream.errors import InputError


def test_bars_are_accuracies_gaps_end_at_the_confidence_and_counts_are_shares(tmp_path):
    confidence = np.array([0.3, 0.9, 0.8, 1.0])
    bins = bin_confidences(confidence, np.array([False, True, False, True]), 4)
    figure = draw_reliability({"CutMix": bins, "none": bins})
    upper, _, lower, _ = figure.axes
    heights = [bar.get_height() for bar in upper.patches]
    assert heights[:2] == pytest.approx([0, 2 / 3])
    tops = [bar.get_y() + bar.get_height() for bar in upper.patches[2:]]
    assert tops == pytest.approx([0.3, 0.9])
    assert [bar.get_height() for bar in lower.patches] == pytest.approx([0, 25, 0, 75])
    assert "4 bins" in upper.texts[0].get_text()
    figure.savefig(tmp_path / "diagram.png")
    assert (tmp_path / "diagram.png").stat().st_size > 5000


def test_nothing_to_draw_is_refused():
    with pytest.raises(InputError, match="found none"):
        draw_reliability({})
