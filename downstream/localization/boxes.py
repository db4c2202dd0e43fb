"""Boxes around the contours of a thresholded map, and their overlap with the true ones.

Contours and boxes exactly as in the evaluator published with MaxBoxAccV2 (Choe et al., CVPR 2020):
8-connected foreground strictly above the threshold, one box for every contour of the full tree,
outlines and holes alike, right and lower end one past the last pixel and kept inside the map;
overlaps count both end pixels.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Box = tuple[int, int, int, int]
"""(x0, y0, x1, y1) in pixels of the map."""


@dataclass(frozen=True, eq=False)
class Proposals:
    """All boxes of one map.

    Attributes:
        boxes: int64 [M, 4], (x0, y0, x1, y1), all those of one threshold after another.
        starts: int64 [L], the first box of each of the L distinct thresholds.
        largest: int64 [L], the box of the contour with the largest area at each.
        level: int64 [T], which of the L distinct thresholds each asked threshold is.
    """

    boxes: NDArray[np.int64]
    starts: NDArray[np.int64]
    largest: NDArray[np.int64]
    level: NDArray[np.int64]


def propose(gray: NDArray[np.uint8], shares: NDArray[np.float64]) -> Proposals:
    """The boxes of a map uint8 [h, w] at thresholds given as shares [T] of its largest value.

    A thousand shares of 255 are only 255 different masks, and those between two gray levels that
    occur are equal too: each different mask is traced once.
    """
    cuts = (shares * gray.max()).astype(np.int64)
    above = np.cumsum(np.bincount(gray.ravel(), minlength=256))
    # two cuts with the same number of pixels at or below them leave the same mask
    _, first, level = np.unique(above[cuts], return_index=True, return_inverse=True)
    rects: list[Box] = []
    starts, largest = [], []
    windows = _windows(gray, cuts[first])
    for cut, window in zip(cuts[first].tolist(), windows.tolist(), strict=True):
        found, biggest = _contour_rects(gray, cut, window)
        starts.append(len(rects))
        largest.append(len(rects) + biggest)
        rects += found
    counts = np.diff([*starts, len(rects)])
    boxes = _as_boxes(np.array(rects), windows[:, :2].repeat(counts, 0), gray.shape)
    return Proposals(boxes, np.array(starts), np.array(largest), level.reshape(-1))


def trace(gray: NDArray[np.uint8], cut: int) -> tuple[list[Box], int]:
    """Boxes of all contours of ``gray > cut``, and which of them is the largest contour's.

    A mask without a contour proposes the corner pixel's box (0, 0, 0, 0).
    """
    rects, biggest = _contour_rects(gray, cut, (0, 0, gray.shape[1], gray.shape[0]))
    boxes = _as_boxes(np.array(rects), np.zeros((1, 2), np.int64), gray.shape)
    return [(a, b, c, d) for a, b, c, d in boxes.tolist()], biggest


def _windows(gray: NDArray[np.uint8], cuts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The smallest window (x0, y0, x1, y1), half open, around ``gray > cut``: [L, 4] for L cuts.

    Contours are traced in it alone: most masks fill a small part of the map.
    """
    ends = []
    for side in (gray.max(0), gray.max(1)):
        above = side > cuts[:, None]
        ends.append((above.argmax(1), len(side) - above[:, ::-1].argmax(1)))
    (x0, x1), (y0, y1) = ends
    return np.stack([x0, y0, x1, y1], 1)


def _contour_rects(gray: NDArray[np.uint8], cut: int, window: Box) -> tuple[list[Box], int]:
    """(x, y, width, height) in the window of every contour of ``gray > cut``, and which contour is
    the first of the largest area; a mask without a contour has one rectangle of no size.

    Args:
        window: (x0, y0, x1, y1), half open, holds all of the mask.
    """
    left, top, right, bottom = window
    _, mask = cv2.threshold(gray[top:bottom, left:right], cut, 255, cv2.THRESH_BINARY)
    contours, _ = cv2.findContours(mask, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return [(0, 0, 0, 0)], 0
    rects: list[Box] = [cv2.boundingRect(contour) for contour in contours]  # type: ignore[misc]
    if len(rects) == 1:
        return rects, 0
    biggest, most = 0, -1.0
    for number, (_, _, width, height) in enumerate(rects):
        # the contour runs through the middles of its pixels, so its rectangle bounds its area
        if (width - 1) * (height - 1) > most:
            area = cv2.contourArea(contours[number])
            if area > most:
                biggest, most = number, area
    return rects, biggest


def _as_boxes(
    rects: NDArray[np.int64], origins: NDArray[np.int64], shape: tuple[int, ...]
) -> NDArray[np.int64]:
    """Rectangles [M, 4] whose windows begin at ``origins`` [M or 1, 2] as boxes of a map."""
    low = rects[:, :2] + origins
    high = np.minimum(low + rects[:, 2:], np.array([shape[1] - 1, shape[0] - 1]))
    return np.concatenate([low, high], 1)


def overlap(ours: NDArray[np.int64], true: NDArray[np.int64]) -> NDArray[np.float64]:
    """Intersection over union [M, G] of boxes [M, 4] and [G, 4], end pixels included."""
    a, b = ours[:, None], true[None]
    low, high = np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])
    shared = (high - low + 1).clip(min=0).prod(-1)
    return shared / (_area(a) + _area(b) - shared)


def _area(boxes: NDArray[np.int64]) -> NDArray[np.int64]:
    return (boxes[..., 2:] - boxes[..., :2] + 1).prod(-1)
