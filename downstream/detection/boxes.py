"""Anchors, box deltas and overlaps of Faster R-CNN.

Boxes are (x0, y0, x1, y1) in continuous pixel coordinates, 0 being the outer edge of the first
pixel. Faster R-CNN (Ren et al., 2015), Eq. 2; conventions of Detectron2's R50-C4: anchors are not
rounded, sizes vary slowest within a cell, the grid starts at 0 and steps by the stride.
"""

import math

import torch
from torch import Tensor

# exp() of a predicted log-size is cut where a box would grow beyond 1000 px from a 16 px cell.
LARGEST_LOG_SCALE = math.log(1000.0 / 16)


def cell_anchors(sizes: tuple[float, ...], ratios: tuple[float, ...]) -> Tensor:
    """Anchors [sizes * ratios, 4] around (0, 0); `ratios` are height over width."""
    rows = []
    for size in sizes:
        for ratio in ratios:
            w = math.sqrt(size**2 / ratio)
            h = ratio * w
            rows.append((-w / 2, -h / 2, w / 2, h / 2))
    return torch.tensor(rows)


def grid_anchors(cell: Tensor, grid: tuple[int, int], stride: int) -> Tensor:
    """Anchors [h * w * A, 4] of a feature map of `grid` = (h, w) cells `stride` pixels apart."""
    rows = torch.arange(grid[0], dtype=cell.dtype, device=cell.device) * stride
    columns = torch.arange(grid[1], dtype=cell.dtype, device=cell.device) * stride
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    shift = torch.stack((x, y, x, y), dim=-1).reshape(-1, 1, 4)
    return (shift + cell).reshape(-1, 4)


def _centers(boxes: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    w = boxes[..., 2] - boxes[..., 0]
    h = boxes[..., 3] - boxes[..., 1]
    return boxes[..., 0] + 0.5 * w, boxes[..., 1] + 0.5 * h, w, h


def encode(source: Tensor, target: Tensor, weights: tuple[float, ...]) -> Tensor:
    """Offsets (dx, dy, dw, dh) [..., 4] that move `source` [..., 4] onto `target` [..., 4].

    Both must have positive width and height; this is not checked, because the check would stall
    a GPU, and training removes such boxes before.
    """
    x, y, w, h = _centers(source)
    to_x, to_y, to_w, to_h = _centers(target)
    wx, wy, ww, wh = weights
    return torch.stack(
        (
            wx * (to_x - x) / w,
            wy * (to_y - y) / h,
            ww * torch.log(to_w / w),
            wh * torch.log(to_h / h),
        ),
        dim=-1,
    )


def decode(offsets: Tensor, boxes: Tensor, weights: tuple[float, ...]) -> Tensor:
    """Boxes [..., 4] reached from `boxes` [..., 4] by `offsets` [..., 4]; inverse of `encode`."""
    x, y, w, h = _centers(boxes)
    wx, wy, ww, wh = weights
    to_x = offsets[..., 0] / wx * w + x
    to_y = offsets[..., 1] / wy * h + y
    half_w = 0.5 * (torch.exp((offsets[..., 2] / ww).clamp(max=LARGEST_LOG_SCALE)) * w)
    half_h = 0.5 * (torch.exp((offsets[..., 3] / wh).clamp(max=LARGEST_LOG_SCALE)) * h)
    return torch.stack((to_x - half_w, to_y - half_h, to_x + half_w, to_y + half_h), dim=-1)


def clip(boxes: Tensor, limits: Tensor) -> Tensor:
    """`boxes` [..., N, 4] cut to the images of width and height `limits` [..., 2]."""
    corner = torch.cat((limits, limits), dim=-1).unsqueeze(-2)
    return torch.minimum(boxes.clamp(min=0), corner)


def iou(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union [..., N, M] of boxes a [..., N, 4] and b [..., M, 4]; 0 if apart."""
    low = torch.maximum(a[..., :, None, :2], b[..., None, :, :2])
    high = torch.minimum(a[..., :, None, 2:], b[..., None, :, 2:])
    inside = (high - low).clamp(min=0).prod(dim=-1)
    area_a = (a[..., 2] - a[..., 0]) * (a[..., 3] - a[..., 1])
    area_b = (b[..., 2] - b[..., 0]) * (b[..., 3] - b[..., 1])
    union = area_a[..., :, None] + area_b[..., None, :] - inside
    return torch.where(inside > 0, inside / union, inside)
