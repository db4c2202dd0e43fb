"""Stored score maps of a teacher, pooled to the soft targets of a training crop.

ReLabel (Yun et al., "Re-labeling ImageNet", CVPR 2021) and TokenLabeling (Jiang et al., "All Tokens
Matter", NeurIPS 2021) store, per training image, the top five classes of a teacher at every cell of
a coarse grid; the training crop's region is pooled from it by RoIAlign.  Maps that are not stored
are made by :class:`mixlib.models.score_map_teacher.MapTeacher`.

Both releases store a crop as (top, left, height, width) and read it as (x, y, width, height), which
transposes the region; ``order="xywh"`` repeats that.
"""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

CropOrder = Literal["yxhw", "xywh"]


def full_maps(
    scores: Float[Tensor, "B k S S"], ids: Int[Tensor, "B k S S"], classes: int
) -> Float[Tensor, "B Y S S"]:
    """Scores of all classes from those of the stored ones; 0 elsewhere."""
    batch, _, side, _ = scores.shape
    maps = torch.zeros(batch, classes, side, side, device=scores.device)
    return maps.scatter_(1, ids.long(), scores.float())


def cropped(
    maps: Float[Tensor, "B Y h w"],
    crop: Float[Tensor, "B 4"],
    cells: int | tuple[int, int],
    order: CropOrder = "yxhw",
) -> Float[Tensor, "B Y g k"]:
    """The maps of the training crops on another grid.

    Args:
        maps: of the whole images.
        crop: (top, left, height, width) as shares of the image.
        cells: (rows, columns), or one number for both.
        order: how the crop's numbers are read; "xywh" as in the releases.
    """
    first, second = (0, 1) if order == "xywh" else (1, 0)
    start = crop[:, [first, second]]
    size = torch.tensor([maps.shape[-1], maps.shape[-2]] * 2, device=crop.device)
    corners = torch.cat([start, start + crop[:, [first + 2, second + 2]]], 1) * size - 0.5
    which = torch.arange(len(maps), device=maps.device, dtype=maps.dtype)[:, None]
    grid = (cells, cells) if isinstance(cells, int) else cells
    from torchvision.ops import roi_align

    return roi_align(maps, torch.cat([which, corners.to(maps.dtype)], 1), grid)


def whole(maps: Float[Tensor, "B Y h w"]) -> Float[Tensor, "B 4"]:
    """The crop that leaves every image whole, for maps of the very crops that are trained on."""
    return maps.new_tensor([[0.0, 0.0, 1.0, 1.0]]).expand(len(maps), 4)


def image_targets(
    maps: Float[Tensor, "B Y h w"], crop: Float[Tensor, "B 4"], order: CropOrder = "yxhw"
) -> Float[Tensor, "B Y"]:
    """ReLabel's soft target of a crop: softmax of its pooled scores."""
    return cropped(maps, crop, 1, order).flatten(1).softmax(1)


def token_targets(
    maps: Float[Tensor, "B Y h w"],
    crop: Float[Tensor, "B 4"],
    cells: int | tuple[int, int],
    order: CropOrder = "yxhw",
) -> Float[Tensor, "B Y T"]:
    """TokenLabeling's soft targets: the image's first, then one per token in row order."""
    tokens = cropped(maps, crop, cells, order).flatten(2).softmax(1)
    return torch.cat([image_targets(maps, crop, order)[:, :, None], tokens], 2)


def class_maps(
    maps: Float[Tensor, "B Y S S"],
    y: Int[Tensor, " B"],
    crop: Float[Tensor, "B 4"],
    cells: int,
    order: CropOrder = "yxhw",
) -> Float[Tensor, "B g g"]:
    """Where a crop's own class is seen, summing to one: TokenMix's scores as released."""
    found = cropped(maps, crop, cells, order)[torch.arange(len(y), device=y.device), y]
    return found / (found.sum((1, 2), keepdim=True) + 1e-8)
