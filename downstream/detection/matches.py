"""Detections of one class matched to its true boxes: what every average precision is made of."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

IOUS = tuple(percent / 100 for percent in range(50, 100, 5))
"""Overlaps that AP averages over."""

Detected = tuple[ArrayLike, ArrayLike, ArrayLike]
"""Boxes [D, 4], scores [D] and labels [D] of one image, in its own pixels."""


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
