"""Detections of one class matched to its true boxes: what every average precision is made of."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from downstream.detection.readers import Records

IOUS = tuple(percent / 100 for percent in range(50, 100, 5))
"""Overlaps that AP averages over."""

Detected = tuple[ArrayLike, ArrayLike, ArrayLike]
"""Boxes [D, 4], scores [D] and labels [D] of one image, in its own pixels."""


class DetectionError(ValueError):
    """Detections that cannot be evaluated; the message says why."""


@dataclass(frozen=True, eq=False)
class Matches:
    """Detections of one class in descending score, over N images.

    Attributes:
        image: int64 [D], the image of each.
        hit: bool [T, D], whether it finds an object at each of :data:`IOUS`.
        counted: bool [T, D], whether it counts at all: one that finds a difficult object (VOC) or
            a crowd (COCO) does not.
        objects: int64 [N], objects to be found in each image.
    """

    image: NDArray[np.int64]
    hit: NDArray[np.bool_]
    counted: NDArray[np.bool_]
    objects: NDArray[np.int64]


def check_detections(truth: Records, found: Sequence[Detected]) -> None:
    """Refuses detections that are not those of these images and classes.

    Raises:
        DetectionError: another number of images, none at all, a label that is no class, or numbers
            that are not finite.
    """
    if not len(truth):
        raise DetectionError("expected at least one image to evaluate on, found an empty test set")
    if len(found) != len(truth):
        raise DetectionError(
            f"expected the detections of {len(truth)} images, found those of {len(found)}: give an "
            "empty entry for an image without any"
        )
    counts = [len(np.atleast_1d(np.asarray(labels))) for _, _, labels in found]
    owner = np.repeat(np.arange(len(found)), counts)
    boxes = np.concatenate([np.asarray(b, np.float64).reshape(-1, 4) for b, _, _ in found])
    scores, labels = (
        np.concatenate([np.atleast_1d(np.asarray(image[part], np.float64)) for image in found])
        for part in (1, 2)
    )
    if not len(boxes) == len(scores) == len(labels):
        raise DetectionError(
            f"expected one score and one label a box, found {len(scores)} scores and "
            f"{len(labels)} labels for {len(boxes)} boxes"
        )
    classes = len(truth.classes)
    for wrong, what in (
        (~np.isfinite(np.c_[boxes, scores]).all(1), "a box or score that is not finite"),
        ((labels < 0) | (labels >= classes), f"a label outside 0 to {classes - 1}"),
    ):
        if wrong.any():
            raise DetectionError(
                f"image {owner[wrong.argmax()]}: expected detections of {classes} classes with "
                f"finite boxes and scores, found {what}"
            )
