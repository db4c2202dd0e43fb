"""Training crops of images and their masks: random scale, crop and mirror image.

As MMSegmentation's recipe for ADE20K, without its color distortion. All of a sample's draws come
from one generator, so a sample depends on its number alone.
"""

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from downstream.segmentation.inference import resized
from downstream.segmentation.metrics import IGNORE
from downstream.segmentation.settings import SegmentSettings

TRIES = 10
"""Crops tried before one is taken that a single class fills."""


def training_crop(
    image: NDArray[np.uint8],
    mask: NDArray[np.uint8],
    settings: SegmentSettings,
    rng: np.random.Generator,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A crop uint8 [h, w, 3] and its classes [h, w], smaller than the crop where the scaled image
    is: :func:`padded` fills it up.

    Args:
        image: uint8 [H, W, 3].
        mask: classes uint8 [H, W].
    """
    scale = rng.uniform(*settings.ratio)
    sides = round(settings.short * scale), round(settings.longest * scale)
    height, width = resized(mask.shape[0], mask.shape[1], *sides)
    size = (width, height)
    image = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))
    mask = np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))
    crop = settings.crop
    for _ in range(TRIES):
        top = int(rng.integers(max(0, height - crop) + 1))
        left = int(rng.integers(max(0, width - crop) + 1))
        part = mask[top : top + crop, left : left + crop]
        if _largest_share(part) < settings.one_class:
            break
    picture = image[top : top + crop, left : left + crop]
    if rng.random() < 0.5:
        picture, part = picture[:, ::-1], part[:, ::-1]
    return picture, part


def padded(
    x: Float[Tensor, "1 3 h w"], mask: NDArray[np.uint8], crop: int
) -> tuple[Float[Tensor, "1 3 crop crop"], Int[Tensor, "1 crop crop"]]:
    """A normalized crop and its classes at full size: zeros, as beside windows in tests
    (:func:`downstream.segmentation.inference.slide`), and ignored.

    Example:
        >>> x, y = padded(torch.ones(1, 3, 1, 2), np.zeros((1, 2), np.uint8), 2)
        >>> x[0, 0].tolist(), y[0].tolist()
        ([[1.0, 1.0], [0.0, 0.0]], [[0, 0], [255, 255]])
    """
    right, below = crop - x.shape[-1], crop - x.shape[-2]
    edges = (0, right, 0, below)
    classes = torch.from_numpy(mask.astype(np.int64))[None]
    return F.pad(x, edges), F.pad(classes, edges, value=IGNORE)


def _largest_share(mask: NDArray[np.uint8]) -> float:
    """Share of the labeled pixels that the most frequent class has; 1 where one class is all."""
    counts = np.bincount(mask[mask != IGNORE], minlength=1)
    if (counts > 0).sum() < 2:
        return 1.0
    return float(counts.max() / counts.sum())
