"""Confidence bins of the expected calibration error (Guo et al., On calibration of modern neural
networks, ICML 2017, Eq. 3).

Bins of equal width are open at their lower end and closed at their upper one, (a, b], so that a
confidence of exactly 1 lies in the last bin. torchmetrics 1.9 gives that confidence a bin of its
own (its issue 3510), which changes the error of saturated classifiers.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downstream.errors import InputError

BINS = 15
"""Bins of Guo et al. and of most later papers."""
AUTOMIX_BINS = 10
"""Bins behind AutoMix' Figure 8, see :meth:`Bins.sorted_error`."""


@dataclass(frozen=True, eq=False)
class Bins:
    """Predictions grouped by confidence.

    Attributes:
        edges: float64 [M + 1], from 0 to 1.
        counts: int64 [M], predictions in each bin.
        accuracy: float64 [M], share of right predictions in it; 0 where it is empty.
        confidence: float64 [M], their mean confidence; 0 where it is empty.

    Example:
        >>> import numpy as np
        >>> confidence = np.array([0.95, 1.0, 0.6, 0.55])
        >>> bins = bin_confidences(confidence, np.array([True, True, False, True]), 2)
        >>> bins.counts.tolist()
        [0, 4]
        >>> round(bins.error(), 3)
        0.025
    """

    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    accuracy: NDArray[np.float64]
    confidence: NDArray[np.float64]

    @property
    def share(self) -> NDArray[np.float64]:
        """Share of all predictions [M] that each bin holds."""
        return self.counts / self.counts.sum()

    @property
    def gaps(self) -> NDArray[np.float64]:
        """Accuracy minus confidence [M]; 0 where a bin is empty."""
        return self.accuracy - self.confidence

    def error(self) -> float:
        """Expected calibration error in [0, 1]: mean absolute gap, weighted by share."""
        return float((self.share * np.abs(self.gaps)).sum())

    def largest_error(self) -> float:
        """Maximum calibration error in [0, 1]: the largest absolute gap of any filled bin."""
        return float(np.abs(self.gaps).max())

    def sorted_error(self) -> float:
        """The number that AutoMix' code base computes in place of the expected calibration error.

        It sorts the bins' accuracies and confidences, each on its own, before it takes the
        weighted mean; the counts stay where they are. Equal to :meth:`error` only where both
        already increase over the bins. The published 2.3 % (10 bins) may contain this.
        """
        gaps = np.sort(self.accuracy) - np.sort(self.confidence)
        return float((self.share * np.abs(gaps)).sum())


def bin_confidences(
    confidence: NDArray[np.floating], right: NDArray[np.bool_], bins: int = BINS
) -> Bins:
    """Groups predictions [N] into bins (a, b] of equal width.

    Args:
        confidence: in [0, 1]; a confidence of exactly 0 is counted in the first bin.
        right: whether each prediction is the label.
        bins: number of bins.

    Raises:
        InputError: no prediction, other shapes, a confidence outside [0, 1], or no bin.
    """
    if bins < 1:
        raise InputError(f"bins must be at least 1, found {bins}")
    if confidence.ndim != 1 or confidence.shape != right.shape or not len(right):
        raise InputError(
            "expected one confidence and one hit for each of at least one image, found shapes "
            f"{list(confidence.shape)} and {list(right.shape)}"
        )
    values = confidence.astype(np.float64)
    if not ((values >= 0) & (values <= 1)).all():
        raise InputError(
            f"expected confidences in [0, 1], found values from {values.min():.4g} to "
            f"{values.max():.4g}: pass the largest softmax probability, not a logit"
        )
    edges = np.linspace(0, 1, bins + 1)
    place = (np.searchsorted(edges, values, side="left") - 1).clip(min=0)
    counts = np.bincount(place, minlength=bins)
    sums = [np.bincount(place, weights=w, minlength=bins) for w in (right * 1.0, values)]
    accuracy, mean = (total / counts.clip(min=1) for total in sums)
    return Bins(edges, counts, accuracy, mean)
