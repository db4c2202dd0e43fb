"""Learning-rate schedules: warm-up, half a cosine, held values."""

from __future__ import annotations

import numpy as np
import pytest

from mixlib.training.schedules import cosine


def test_half_a_cosine():
    values = cosine(10, 1.0, 0.2)
    assert values[0] == 1.0
    assert values[5] == pytest.approx(0.6)
    assert np.all(np.diff(values) < 0)
    assert values[-1] > 0.2  # the value after the last step


def test_warm_up_rises_to_the_high_value():
    values = cosine(20, 0.4, warmup=4)
    assert values[:4] == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert values[4] == 0.4


def test_by_epoch_the_value_stays():
    values = cosine(20, 1.0, hold=5).reshape(4, 5)
    assert np.all(values == values[:, :1])
    assert len(set(values[:, 0])) == 4
