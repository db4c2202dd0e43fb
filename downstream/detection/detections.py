"""Detections of a split, checked against its images and classes before any metric sees them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from downstream.detection.readers import Records
from mixlib.data.errors import DataError


class Found(NamedTuple):
    """Detections of one image in its own pixels: boxes [D,4], scores [D], labels [D] (numpy)."""

    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray


def checked_detections(truth: Records, found: Sequence[tuple]) -> list[Found]:
    """One checked Found an image of `truth`, in its order.

    Args:
        truth: the split.
        found: (boxes, scores, labels) of every image; boxes (x0, y0, x1, y1).

    Raises:
        DataError: no image at all; another number of images; boxes, scores and labels of different
            number; numbers that are not finite; corners exchanged; a label beyond the classes.
            Names the image.
    """
    if not len(truth):
        raise DataError("expected at least one image to evaluate on, found an empty test set")
    if len(found) != len(truth):
        raise DataError(
            f"expected detections of {len(truth)} images, found {len(found)}: give every image an "
            "entry, one without detections empty arrays"
        )
    return [
        _checked(item.name, detections, len(truth.classes))
        for item, detections in zip(truth.items, found, strict=True)
    ]


def _checked(name: str, detections: tuple, classes: int) -> Found:
    boxes = np.asarray(detections[0], np.float64).reshape(-1, 4)
    scores = np.asarray(detections[1], np.float64).reshape(-1)
    given = np.asarray(detections[2]).reshape(-1)
    if not len(boxes) == len(scores) == len(given):
        found = f"{len(boxes)} boxes, {len(scores)} scores and {len(given)} labels"
        raise DataError(f"detections of {name}: expected as many of each, found {found}")
    if not (np.isfinite(boxes).all() and np.isfinite(scores).all()):
        raise DataError(f"detections of {name}: expected finite boxes and scores, found NaN or inf")
    if (boxes[:, 2:] < boxes[:, :2]).any():
        bad = boxes[(boxes[:, 2:] < boxes[:, :2]).any(1)][0].tolist()
        raise DataError(f"detections of {name}: expected (x0, y0, x1, y1), found {bad}")
    labels = given.astype(np.int64)
    wrong = (labels != given) | (labels < 0) | (labels >= classes)
    if wrong.any():
        raise DataError(
            f"detections of {name}: expected labels 0..{classes - 1}, found {given[wrong][0]}: "
            "background and unknown classes are left out"
        )
    return Found(boxes, scores, labels)
