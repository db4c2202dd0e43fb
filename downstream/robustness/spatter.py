"""Spatter: drops of water or splashes of mud on the lens.

Edges, distances and histograms of the drops are OpenCV's and take one image at a time.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from downstream.robustness.filters import Pixels, gaussian, to_bytes
from downstream.robustness.severities import SPATTER

WATER = np.array((175, 238, 238), np.float32) / 255
MUD = np.array((63, 42, 20), np.float32) / 255
EMBOSS = np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]], np.float32)


def spatter(images: Pixels, level: int, rng: np.random.Generator) -> Pixels:
    """Water on images uint8 [N, H, W, 3] at the first three levels, mud at the last two."""
    mean, deviation, blur, threshold, strength, mud = SPATTER[level]
    noise = rng.normal(mean, deviation, (*images.shape[:3], 1))
    liquid = gaussian(noise, blur)
    liquid[liquid < threshold] = 0
    values = (images / 255).astype(np.float32)
    if mud:
        cover = gaussian((liquid > threshold).astype(np.float32), strength)
        cover[cover < 0.8] = 0
        return to_bytes(values * (1 - cover) + MUD * cover)
    shine = np.stack([_shine(drops) for drops in liquid[..., 0].astype(np.float32)])
    return to_bytes(values + strength * shine[..., None] * WATER)


def _shine(drops: NDArray[np.float32]) -> NDArray[np.float32]:
    """How brightly each pixel [H, W] of one image's drops reflects, 0 to 1."""
    edges = cv2.Canny((drops * 255).astype(np.uint8), 50, 150)
    distance = cv2.distanceTransform(255 - edges, cv2.DIST_L2, 5)
    near = np.minimum(distance, 20)
    relief = cv2.equalizeHist(cv2.blur(near, (3, 3)).astype(np.uint8))
    relief = cv2.filter2D(relief, cv2.CV_8U, EMBOSS)
    found: NDArray[np.float32] = drops * cv2.blur(relief, (3, 3)).astype(np.float32)
    largest = found.max()
    # an image that no drop has hit stays as it is
    return found / largest if largest > 0 else found
