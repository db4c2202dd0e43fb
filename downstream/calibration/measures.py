"""Calibration measures of a classifier: expected and maximum calibration error, signed gap,
negative log-likelihood and Brier score.

Expected calibration error after Guo et al. (ICML 2017); the Brier score is the multi-class sum of
squared differences (Brier, 1950), so it lies in [0, 2].
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from downstream.calibration.bins import AUTOMIX_BINS, BINS, Bins, bin_confidences
from downstream.checks import check_logits


@dataclass(frozen=True, eq=False)
class Calibration:
    """What a classifier's confidences are worth over N images.

    Attributes:
        confidence: float64 [N], the largest softmax probability.
        prediction: int64 [N], its class.
        right: bool [N], whether that is the label.
        bins: the predictions by confidence.
        automix_bins: the same in the 10 bins of AutoMix' code base.
        nll: mean negative log-likelihood of the label, nats.
        brier: mean Brier score, in [0, 2].

    Example:
        >>> import numpy as np
        >>> logits = np.log(np.array([[0.8, 0.2], [0.3, 0.7]]))
        >>> found = measure_calibration(logits, np.array([0, 0]))
        >>> round(found.gap, 3), round(found.brier, 3)
        (0.25, 0.53)
    """

    confidence: NDArray[np.float64]
    prediction: NDArray[np.int64]
    right: NDArray[np.bool_]
    bins: Bins
    automix_bins: Bins
    nll: float
    brier: float

    @property
    def gap(self) -> float:
        """Mean confidence minus accuracy in [-1, 1]: positive means overconfident."""
        return float(self.confidence.mean() - self.right.mean())

    def metrics(self) -> dict[str, float]:
        """All numbers by name: percent, except ``nll`` (nats) and ``brier`` (0 to 2).

        The bin counts stand beside the errors, because an error means nothing without them.
        """
        return {
            "accuracy": 100 * float(self.right.mean()),
            "confidence": 100 * float(self.confidence.mean()),
            "gap": 100 * self.gap,
            "ece": 100 * self.bins.error(),
            "mce": 100 * self.bins.largest_error(),
            "bins": float(len(self.bins.counts)),
            "ece_automix": 100 * self.automix_bins.sorted_error(),
            "bins_automix": float(len(self.automix_bins.counts)),
            "nll": self.nll,
            "brier": self.brier,
            "n": float(len(self.right)),
        }


def measure_calibration(
    logits: NDArray[np.floating], labels: NDArray[np.integer], bins: int = BINS
) -> Calibration:
    """Measures logits [N, Y] against labels [N].

    Args:
        bins: number of equal-width confidence bins of the standard measures.

    Raises:
        InputError: see :func:`downstream.checks.check_logits`.
    """
    check_logits(logits, labels)
    log_p = log_softmax(logits.astype(np.float64), axis=1)
    p = np.exp(log_p)
    # rounding may lift a saturated probability above 1
    confidence = p.max(1).clip(max=1.0)
    prediction = p.argmax(1)
    right = prediction == labels
    own = np.take_along_axis(log_p, labels[:, None], 1)
    # sum over classes of (p - onehot)^2, without the one-hot array
    brier = (p**2).sum(1) - 2 * np.exp(own[:, 0]) + 1
    return Calibration(
        confidence,
        prediction,
        right,
        bin_confidences(confidence, right, bins),
        bin_confidences(confidence, right, AUTOMIX_BINS),
        float(-own.mean()),
        float(brier.mean()),
    )
