"""Localization accuracy by how the threshold was chosen: on the test boxes themselves, on a
validation split, or without any box.

MaxBoxAccV2 (Choe et al., CVPR 2020) takes its threshold from the boxes that it is measured on. The
same paper tunes everything else on a validation split (CUBV2); here the threshold is, too. Without
boxes it is Otsu's (IEEE Trans. SMC, 1979) over the gray levels of all maps.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downstream.localization.maps import Maps
from downstream.localization.max_box_acc import DELTAS, BoxAccuracy
from downstream.localization.readers import DataError


@dataclass(frozen=True)
class AtThresholds:
    """Accuracy of one choice of thresholds.

    Attributes:
        shares: threshold by overlap of :data:`DELTAS`, as a share of a map's largest value.
        accuracy: percent of images found by overlap.

    Example:
        >>> AtThresholds((0.1, 0.2, 0.3), (90.0, 60.0, 30.0)).mean
        60.0
    """

    shares: tuple[float, ...]
    accuracy: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean over the overlaps, as MaxBoxAccV2 is one."""
        return sum(self.accuracy) / len(self.accuracy)


def chosen_on_test(test: BoxAccuracy, steps: NDArray[np.float64]) -> AtThresholds:
    """The best threshold of the test boxes, for each overlap: its mean is MaxBoxAccV2."""
    return _at(test, steps, [test.best(delta) for delta in DELTAS])


def chosen_on_validation(
    test: BoxAccuracy, validation: BoxAccuracy, steps: NDArray[np.float64]
) -> AtThresholds:
    """The best threshold of a validation split, for each overlap, on the test split.

    Raises:
        ValueError: the splits were measured at other thresholds.
    """
    return _at(test, steps, [_checked(validation, steps).best(delta) for delta in DELTAS])


def chosen_without_boxes(test: BoxAccuracy, maps: Maps, steps: NDArray[np.float64]) -> AtThresholds:
    """Otsu's threshold over the gray levels of the test maps, for all overlaps.

    Args:
        maps: N maps uint8 [h, w], those that ``test`` was measured on.

    Raises:
        ValueError: the numbers of maps and images differ.
        DataError: all maps are constant.
    """
    if len(maps) != len(test.all):
        raise ValueError(f"expected {len(test.all)} maps, those of the images, found {len(maps)}")
    counts = np.zeros(256, np.int64)
    for number in range(len(maps)):
        gray = maps[number]
        counts += np.bincount(gray.ravel(), minlength=256)
    level = otsu_level(counts)
    # the first step that is cut off to this gray level, as the evaluator cuts it
    place = int(np.searchsorted((steps * 255).astype(np.int64), level))
    return _at(test, steps, [min(place, len(steps) - 1)] * len(DELTAS))


def otsu_level(counts: NDArray[np.int64]) -> int:
    """The gray level that parts a histogram [256] into the two classes (<= level, > level) of
    largest variance between them; the middle one where several are equally good.

    Raises:
        DataError: fewer than two gray levels occur.

    Example:
        >>> import numpy as np
        >>> otsu_level(np.bincount([10, 10, 11, 200, 201], minlength=256))
        105
    """
    if (counts > 0).sum() < 2:
        raise DataError(
            "expected maps with at least two gray levels, found constant ones: there is nothing to "
            "threshold"
        )
    values = np.arange(len(counts))
    below, total = counts.cumsum(), counts.sum()
    mass, whole = (counts * values).cumsum(), (counts * values).sum()
    split = (below > 0) & (below < total)
    between = np.zeros(len(counts))
    # variance between the classes, times total squared
    between[split] = (whole * below[split] / total - mass[split]) ** 2 / (
        below[split] / total * (1 - below[split] / total)
    )
    best = np.flatnonzero(np.isclose(between, between.max(), rtol=1e-12, atol=0))
    return int(best[(len(best) - 1) // 2])


def _checked(accuracy: BoxAccuracy, steps: NDArray[np.float64]) -> BoxAccuracy:
    if accuracy.all.shape[1] != len(steps):
        raise ValueError(
            f"expected overlaps at {len(steps)} thresholds, found {accuracy.all.shape[1]}: measure "
            "both splits at the same thresholds"
        )
    return accuracy


def _at(test: BoxAccuracy, steps: NDArray[np.float64], places: Sequence[int]) -> AtThresholds:
    overlaps = _checked(test, steps).all[:, list(places)]
    found = 100 * (overlaps >= np.array(DELTAS) / 100).mean(0)
    return AtThresholds(tuple(steps[list(places)].tolist()), tuple(found.tolist()))
