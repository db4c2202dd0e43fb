"""Share of attention inside the true box: the number beside TokenMix' Figure 3."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from downstream.errors import InputError


def box_cover(
    boxes: Sequence[NDArray[np.integer]], image: tuple[int, int], grid: tuple[int, int]
) -> Tensor:
    """How much of each patch lies inside any of an image's boxes, float32 [B, h, w] in [0, 1].

    Args:
        boxes: B arrays int [G, 4], (x0, y0, x1, y1) in pixels of the network's input, half open.
        image: height and width of that input.
        grid: rows and columns of patches; both sides of the image are multiples of them.

    Raises:
        InputError: an image without a box, or a box that is empty or leaves the image.
    """
    height, width = image
    if height % grid[0] or width % grid[1]:
        raise InputError(f"expected {height} x {width} pixels to be whole patches on a {grid} grid")
    if not len(boxes):
        raise InputError("expected at least one image with boxes, found an empty test set")
    for number, own in enumerate(boxes):
        if not len(own):
            raise InputError(f"image {number} has no true box: leave it out")
    every = torch.from_numpy(np.concatenate([np.asarray(own) for own in boxes]).astype(np.int64))
    x0, y0, x1, y1 = every.T
    wrong = (x0 < 0) | (y0 < 0) | (x1 > width) | (y1 > height) | (x0 >= x1) | (y0 >= y1)
    if wrong.any():
        raise InputError(
            f"expected boxes inside the {height} x {width} image, found "
            f"{tuple(every[int(wrong.int().argmax())].tolist())} (x0, y0, x1, y1): scale boxes to "
            "the network's input"
        )
    owner = torch.repeat_interleave(torch.tensor([len(own) for own in boxes]))
    y, x = torch.arange(height), torch.arange(width)
    rows = (y >= y0[:, None]) & (y < y1[:, None])
    columns = (x >= x0[:, None]) & (x < x1[:, None])
    inside = (rows[:, :, None] & columns[:, None, :]).float()
    union = torch.zeros(len(boxes), height, width).index_add_(0, owner, inside).clamp_(max=1)
    return F.avg_pool2d(union[:, None], (height // grid[0], width // grid[1]))[:, 0]


def share_inside(maps: Tensor, cover: Tensor) -> Tensor:
    """Share of attention that falls into the boxes, [L, B] in [0, 1].

    A map that attends evenly has the boxes' share of the image, ``cover.mean((1, 2))``: report
    both.

    Args:
        maps: attention [L, B, h, w] with positive sums.
        cover: of :func:`box_cover` [B, h, w].

    Raises:
        InputError: other shapes, or a map that is not finite or holds nothing.

    Example:
        >>> import torch
        >>> maps = torch.tensor([[[[3.0, 1.0]]]])
        >>> share_inside(maps, torch.tensor([[[1.0, 0.0]]])).item()
        0.75
    """
    if maps.shape[1:] != cover.shape:
        raise InputError(
            f"expected maps [L, B, h, w] of the boxes' grid {list(cover.shape)}, found "
            f"{list(maps.shape)}"
        )
    total = maps.sum((2, 3))
    if not (torch.isfinite(total) & (total > 0)).all():
        raise InputError("expected attention maps with a positive sum, found NaN or an empty map")
    return (maps * cover.to(maps)).sum((2, 3)) / total
