"""Temperature scaling on held-out images (Guo et al., On calibration of modern neural networks,
ICML 2017, section 4.2).

One scale for all logits, fitted by the negative log-likelihood. Mixing changes how confident a
network is, and one number fitted afterwards often gives the same: so errors are reported before
and after it, over the same images.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import softmax

from downstream.calibration.bins import BINS
from downstream.calibration.measures import Calibration, measure_calibration
from downstream.checks import check_logits
from downstream.errors import InputError
from mixlib.seed import derive

BOUNDS = (0.01, 100.0)
"""Least and largest temperature. Images that are all right, or wrong, have no finite best one."""


@dataclass(frozen=True, eq=False)
class Scaled:
    """Calibration before and after temperature scaling, both over the images not fitted on.

    Attributes:
        temperature: logits are divided by it.
        fitted_on: number of held-out images that it was fitted on.
        before: the classifier as it is.
        after: the same with scaled logits.
    """

    temperature: float
    fitted_on: int
    before: Calibration
    after: Calibration


def fit_temperature(logits: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """The temperature within :data:`BOUNDS` of least mean negative log-likelihood.

    The likelihood is concave in the inverse temperature, so its only stationary point is found by
    bisection; where there is none within the bounds, the better bound is returned.

    Args:
        logits: [N, Y] of held-out images.
        labels: [N].

    Raises:
        InputError: see :func:`downstream.checks.check_logits`.

    Example:
        >>> import numpy as np
        >>> logits = np.log(np.array([[0.9, 0.1]] * 4))
        >>> round(fit_temperature(logits, np.array([0, 0, 0, 1])), 3)
        2.0
    """
    check_logits(logits, labels)
    values = logits.astype(np.float64)
    values = values - values.max(1, keepdims=True)
    own = np.take_along_axis(values, labels[:, None], 1)[:, 0].mean()

    def slope(log_scale: float) -> float:
        weights = softmax(values * np.exp(log_scale), axis=1)
        return float((weights * values).sum(1).mean() - own)

    low, high = -np.log(BOUNDS[1]), -np.log(BOUNDS[0])
    if slope(low) >= 0:
        return BOUNDS[1]
    if slope(high) <= 0:
        return BOUNDS[0]
    return float(np.exp(-brentq(slope, low, high, xtol=1e-12)))


def scale_on_held_out(
    logits: NDArray[np.floating],
    labels: NDArray[np.integer],
    held_out: float = 0.5,
    seed: int = 0,
    bins: int = BINS,
) -> Scaled:
    """Fits on a random share of the images and measures before and after on the others.

    Args:
        logits: [N, Y].
        labels: [N].
        held_out: share of the images to fit on; they are left out of both measurements.
        seed: decides which.
        bins: confidence bins of the standard measures.

    Raises:
        InputError: see :func:`downstream.checks.check_logits`; or a share that leaves no image on
            either side.
    """
    check_logits(logits, labels)
    count = round(held_out * len(labels))
    if not 0 < count < len(labels):
        raise InputError(
            f"held_out={held_out} of {len(labels)} images leaves {count} to fit on and "
            f"{len(labels) - count} to measure: both must be at least 1"
        )
    order = np.random.default_rng(derive(seed, "temperature")).permutation(len(labels))
    fit, rest = np.sort(order[:count]), np.sort(order[count:])
    temperature = fit_temperature(logits[fit], labels[fit])
    before = measure_calibration(logits[rest], labels[rest], bins)
    after = measure_calibration(logits[rest] / temperature, labels[rest], bins)
    return Scaled(temperature, count, before, after)
