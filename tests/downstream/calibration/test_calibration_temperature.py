"""Temperature scaling: known temperatures come back, and the held-out images stay out."""

import numpy as np
import pytest
from scipy.special import softmax

from downstream.calibration.measures import measure_calibration
from downstream.calibration.temperature import BOUNDS, fit_temperature, scale_on_held_out
from downstream.errors import InputError


def drawn(count=4000, scale=1.0, seed=0):
    """Logits whose labels are drawn from their own softmax at temperature ``scale``."""
    rng = np.random.default_rng(seed)
    logits = 2 * rng.standard_normal((count, 4))
    below = softmax(logits, 1).cumsum(1)
    labels = (rng.random((count, 1)) > below).sum(1).clip(max=3)
    return logits * scale, labels


@pytest.mark.parametrize("scale", [0.3, 1.0, 4.0])
def test_the_temperature_that_made_the_labels_comes_back(scale):
    assert fit_temperature(*drawn(scale=scale)) == pytest.approx(scale, rel=0.06)


def test_no_other_temperature_has_a_smaller_loss():
    logits, labels = drawn(500, 3.0)
    best = fit_temperature(logits, labels)
    losses = [measure_calibration(logits / t, labels).nll for t in (0.98 * best, best, 1.02 * best)]
    assert losses[1] == min(losses)


def test_bounds_stand_where_there_is_no_best_temperature():
    logits = np.array([[2.0, 0.0], [1.0, 0.0]])
    assert fit_temperature(logits, np.array([0, 0])) == BOUNDS[0]
    assert fit_temperature(logits, np.array([1, 1])) == BOUNDS[1]


def test_scaling_repairs_overconfidence_and_keeps_every_prediction():
    found = scale_on_held_out(*drawn(scale=4.0), held_out=0.25, seed=3)
    assert found.fitted_on == 1000
    assert len(found.before.right) == len(found.after.right) == 3000
    np.testing.assert_array_equal(found.before.prediction, found.after.prediction)
    assert found.before.gap > 0.15
    assert abs(found.after.gap) < 0.03
    assert found.after.bins.error() < found.before.bins.error() / 3


def test_the_seed_decides_who_is_held_out():
    logits, labels = drawn(200)
    first, again, other = (scale_on_held_out(logits, labels, seed=s) for s in (0, 0, 1))
    assert first.temperature == again.temperature != other.temperature


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_share_that_leaves_nothing_is_refused(share):
    with pytest.raises(InputError, match="both must be at least 1"):
        scale_on_held_out(*drawn(10), held_out=share)
