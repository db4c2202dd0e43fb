"""MaxBoxAcc and MaxBoxAccV2 (Choe et al., Evaluating weakly supervised object localization methods
right, CVPR 2020, section 4.1): one threshold for a whole dataset.

BoxAcc(tau, delta) is the share of images whose best box at
threshold tau overlaps a true box by at least delta; the maximum over tau is taken for each delta on
its own. Only the map of the true class counts: whether the classifier is right plays no part.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downstream.localization.boxes import overlap, propose
from downstream.localization.maps import Maps
from mixlib.data.errors import DataError

DELTAS = (30, 50, 70)
"""Overlaps in percent that MaxBoxAccV2 averages over."""
V1_DELTA = 50
Report = Callable[[int, int], None]


def silent(done: int, total: int) -> None:
    """The report that prints nothing."""


def shares(count: int = 1000) -> NDArray[np.float64]:
    """The thresholds [count] as shares of a map's largest value: 0, 1/count, ..., below 1."""
    # arange with a fractional step, whose rounding the reference's truncation to gray levels sees
    return np.arange(0, 1, 1 / count)


@dataclass(frozen=True, eq=False)
class BoxAccuracy:
    """What a set of maps reaches.

    Attributes:
        all: best overlap [N, T] of any contour's box, by image and threshold (MaxBoxAccV2).
        largest: overlap [N, T] of the largest contour's box (MaxBoxAcc).
    """

    all: NDArray[np.float64]
    largest: NDArray[np.float64]

    def correct(self, overlaps: NDArray[np.float64]) -> NDArray[np.int64]:
        """Images found [3, T] at each of :data:`DELTAS`, by threshold."""
        return np.stack([(overlaps >= delta / 100).sum(0) for delta in DELTAS])

    def best(self, delta: int, largest: bool = False) -> int:
        """The number of the first threshold that finds most images at an overlap of ``delta`` %."""
        overlaps = self.largest if largest else self.all
        return int((overlaps >= delta / 100).sum(0).argmax())

    def metrics(self) -> dict[str, float]:
        """In percent: MaxBoxAccV2 and MaxBoxAcc, and both by delta ("MaxBoxAccV2_30" ...)."""
        count = len(self.all)
        v2 = 100 * self.correct(self.all).max(1) / count
        v1 = 100 * self.correct(self.largest).max(1) / count
        found = {"MaxBoxAccV2": float(v2.mean()), "MaxBoxAcc": float(v1[DELTAS.index(V1_DELTA)])}
        for name, values in (("MaxBoxAccV2", v2), ("MaxBoxAcc", v1)):
            for delta, value in zip(DELTAS, values, strict=True):
                found[f"{name}_{delta}"] = float(value)
        return found


def evaluate(
    maps: Maps,
    true: Sequence[NDArray[np.int64]],
    steps: NDArray[np.float64] | None = None,
    report: Report = silent,
    workers: int = 1,
) -> BoxAccuracy:
    """Overlaps of every map's boxes with its image's true boxes.

    Args:
        maps: N maps uint8 [h, w] (:func:`downstream.localization.maps.gray_levels`).
        true: N arrays int64 [G, 4] of true boxes in pixels of the maps, ends included.
        steps: thresholds [T] as shares of a map's largest value; None: :func:`shares`.
        report: called with (images done, images in all).
        workers: threads; contours are traced outside Python's lock, so two halve the time.

    Raises:
        DataError: no image at all, or an image without a true box.
        ValueError: the numbers of maps and images differ.
    """
    if len(maps) != len(true):
        raise ValueError(f"expected one map an image, found {len(maps)} for {len(true)} images")
    if not len(true):
        raise DataError("expected at least one image to localize in, found an empty split")
    steps = shares() if steps is None else steps
    for number, boxes in enumerate(true):
        if not len(boxes):
            raise DataError(f"image {number} has no true box: leave it out of the split")
    every = np.empty((len(true), len(steps)))
    largest = np.empty_like(every)

    def measure(number: int) -> None:
        proposals = propose(maps[number], steps)
        overlaps = overlap(proposals.boxes, true[number]).max(1)
        every[number] = np.maximum.reduceat(overlaps, proposals.starts)[proposals.level]
        largest[number] = overlaps[proposals.largest][proposals.level]

    with ThreadPoolExecutor(workers) as pool:
        for done, _ in enumerate(pool.map(measure, range(len(true))), 1):
            report(done, len(true))
    return BoxAccuracy(every, largest)
