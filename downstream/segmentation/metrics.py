"""Mean intersection over union, mean class accuracy and pixel accuracy of segmentations.

All from one confusion matrix over all pixels of the test set, as in MMSegmentation: a class that
occurs in neither the true masks nor the predictions is left out of the means.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downstream.errors import InputError

IGNORE = 255
"""Label of pixels that count for nothing."""


@dataclass(frozen=True, eq=False)
class Confusion:
    """Pixels by true class (row) and predicted class (column).

    Attributes:
        counts: int64 [K, K].

    Example:
        >>> import numpy as np
        >>> true, ours = np.array([[0, 0, 1]]), np.array([[0, 1, 1]])
        >>> found = count_pixels(true, ours, 2)
        >>> found.iou().tolist(), found.metrics()["mIoU"]
        ([0.5, 0.5], 50.0)
    """

    counts: NDArray[np.int64]

    def __add__(self, other: "Confusion") -> "Confusion":
        """The matrix of both sets of pixels."""
        return Confusion(self.counts + other.counts)

    def iou(self) -> NDArray[np.float64]:
        """Intersection over union [K]; NaN for a class that occurs nowhere."""
        hits = np.diag(self.counts)
        return _share(hits, self.counts.sum(0) + self.counts.sum(1) - hits)

    def accuracy(self) -> NDArray[np.float64]:
        """Share of each class's pixels that are found [K]; NaN for a class that has none."""
        return _share(np.diag(self.counts), self.counts.sum(1))

    def metrics(self) -> dict[str, float]:
        """In percent: ``mIoU``, ``mAcc`` and ``aAcc`` (of all pixels); ``classes`` that occur.

        Raises:
            InputError: no pixel was counted.
        """
        total = self.counts.sum()
        if not total:
            raise InputError(
                "expected at least one labeled pixel, found none: all masks are ignored, or the "
                "test set is empty"
            )
        return {
            "mIoU": 100 * float(np.nanmean(self.iou())),
            "mAcc": 100 * float(np.nanmean(self.accuracy())),
            "aAcc": 100 * float(np.diag(self.counts).sum() / total),
            "classes": float(np.isfinite(self.iou()).sum()),
        }


def count_pixels(
    true: NDArray[np.integer], predicted: NDArray[np.integer], classes: int
) -> Confusion:
    """The confusion matrix of masks of one shape.

    Args:
        true: classes 0 ... K - 1, or :data:`IGNORE`.
        predicted: classes 0 ... K - 1.

    Raises:
        InputError: masks of different shapes, or labels beyond the classes.
    """
    if true.shape != predicted.shape:
        raise InputError(
            f"expected a prediction of the mask's size {list(true.shape)}, found "
            f"{list(predicted.shape)}: bring predictions to the size of their image"
        )
    seen = true != IGNORE
    rows, columns = true[seen].astype(np.int64), predicted[seen].astype(np.int64)
    for values, what in ((rows, "true"), (columns, "predicted")):
        if len(values) and not 0 <= values.min() <= values.max() < classes:
            raise InputError(
                f"expected {what} classes 0 to {classes - 1}, found {int(values.min())} to "
                f"{int(values.max())}: the masks have other classes than the network"
            )
    counts = np.bincount(rows * classes + columns, minlength=classes**2)
    return Confusion(counts.reshape(classes, classes))


def empty(classes: int) -> Confusion:
    """The matrix of no pixel.

    Raises:
        InputError: fewer than two classes.
    """
    if classes < 2:
        raise InputError(
            f"expected at least two classes, found {classes}: with one class only every pixel is "
            "right by construction"
        )
    return Confusion(np.zeros((classes, classes), np.int64))


def _share(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
