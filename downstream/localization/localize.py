"""Localization accuracy of class activation maps, over a split and image by image.

`localize` measures; `write_rows` and `write_samples` store what the numbers come from: one line an
image, and a few images with their maps for pictures.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from downstream.localization.boxes import overlap, trace
from downstream.localization.maps import GrayMaps, check, gray_levels
from downstream.localization.max_box_acc import (
    DELTAS,
    V1_DELTA,
    BoxAccuracy,
    Report,
    evaluate,
    shares,
    silent,
)
from downstream.localization.readers import Truth
from downstream.localization.settings import LocalizeSettings
from mixlib.whole_files import aside


@dataclass(frozen=True, eq=False)
class Localized:
    """What a set of maps reaches over a split of N images, in pixels of the grid.

    Attributes:
        accuracy: overlaps by image and threshold.
        thresholds: the chosen thresholds by metric ("MaxBoxAccV2_30" ..., "MaxBoxAcc").
        predicted: int64 [N, 4], the largest contour's box at MaxBoxAcc's threshold.
        true: N arrays int64 [G, 4].
        grid: side of the grid.
    """

    accuracy: BoxAccuracy
    thresholds: dict[str, float]
    predicted: NDArray[np.int64]
    true: tuple[NDArray[np.int64], ...]
    grid: int


def localize(
    cams: NDArray[np.floating],
    truth: Truth,
    settings: LocalizeSettings,
    report: Report = silent,
) -> Localized:
    """Measures maps float [N, h, w] of the N images of ``truth``.

    Raises:
        DataError: a map is constant or not finite, or the split is empty.
        ValueError: the numbers of maps and images differ.
    """
    check(cams, truth.names)
    maps, true = GrayMaps(cams, settings.grid), truth.on_grid(settings.grid)
    steps = shares(settings.thresholds)
    accuracy = evaluate(maps, true, steps, report)
    chosen = {f"MaxBoxAccV2_{delta}": float(steps[accuracy.best(delta)]) for delta in DELTAS}
    share = float(steps[accuracy.best(V1_DELTA, largest=True)])
    predicted = []
    for number in range(len(true)):
        gray = maps[number]
        boxes, biggest = trace(gray, int(share * gray.max()))
        predicted.append(boxes[biggest])
    chosen["MaxBoxAcc"] = share
    return Localized(accuracy, chosen, np.array(predicted), true, settings.grid)


def write_rows(found: Localized, truth: Truth, path: Path) -> None:
    """One line an image: its boxes, and its overlap at the threshold of every metric."""
    accuracy = found.accuracy
    columns = [accuracy.all[:, accuracy.best(delta)] for delta in DELTAS]
    columns.append(accuracy.largest[:, accuracy.best(V1_DELTA, largest=True)])
    with aside(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        write = csv.writer(file, lineterminator="\n")
        names = [f"overlap_v2_{delta}" for delta in DELTAS]
        write.writerow(["image", "label", "true", "predicted", *names, "overlap_predicted"])
        for number, name in enumerate(truth.names):
            true = "; ".join(_spaced(box) for box in found.true[number].tolist())
            overlaps = [f"{column[number]:.6f}" for column in columns]
            ours = _spaced(found.predicted[number].tolist())
            write.writerow([name, truth.labels[number], true, ours, *overlaps])


def write_samples(
    found: Localized,
    cams: NDArray[np.floating],
    truth: Truth,
    pictures: Mapping[int, Image.Image],
    path: Path,
) -> None:
    """A few images with their maps, for pictures (.npz).

    Arrays for S samples on a grid of side g: names [S], images uint8 [S, g, g, 3], maps uint8
    [S, g, g], predicted [S, 4], overlap [S], and true [R, 5] with rows (sample, x0, y0, x1, y1).

    Args:
        cams: float [N, h, w].
        pictures: place in the split -> its image.
    """
    index = np.array(sorted(pictures), np.int64)
    size = found.grid
    true = [(s, *box) for s, i in enumerate(index) for box in found.true[i].tolist()]
    np.savez_compressed(
        path,
        names=np.array([truth.names[i] for i in index]),
        images=np.stack([np.asarray(pictures[i].resize((size, size))) for i in index.tolist()]),
        maps=np.stack([gray_levels(cams[i], size) for i in index]),
        predicted=found.predicted[index],
        overlap=np.array([overlap(found.predicted[[i]], found.true[i]).max() for i in index]),
        true=np.array(true, np.int64),
    )


def evenly(count: int, total: int) -> NDArray[np.int64]:
    """At most ``count`` places, spread evenly through ``total``, so that looks play no part."""
    return np.unique(np.linspace(0, total - 1, min(count, total)).round().astype(np.int64))


def _spaced(box: Sequence[int]) -> str:
    return " ".join(str(side) for side in box)
