"""Pooling of each region of the feature map onto a fixed grid.

RoIAlign (He et al., Mask R-CNN, section 3) with aligned corners and adaptive sampling, as
Detectron2's `ROIAlignV2`. torchvision's operator computes it; on small maps on a CPU the same
numbers come faster as one matrix product, because its backward pass is scalar code: bilinear
sampling and averaging are linear in the map and separable in x and y.
"""

import torch
from torch import Tensor
from torchvision.ops import roi_align

# Cells of a map up to which the matrix product is used: its cost grows with them, roi_align's not.
SMALL_MAP = 100


def pool_regions(feature: Tensor, rois: Tensor, size: int, stride: int) -> Tensor:
    """Regions [R,C,size,size] of a map [B,C,h,w] for rois [R,5] (image number, box in pixels)."""
    if feature.device.type == "cpu" and feature[0, 0].numel() <= SMALL_MAP and len(rois):
        return pool_by_product(feature, rois, size, stride)
    return roi_align(feature, rois, size, 1 / stride, sampling_ratio=0, aligned=True)


def pool_by_product(feature: Tensor, rois: Tensor, size: int, stride: int) -> Tensor:
    """`pool_regions` as weights [R, size*size, h*w] times the map; gradients reach the map only."""
    h, w = feature.shape[-2:]
    boxes = rois[:, 1:] / stride - 0.5
    rows = _axis_weights(boxes[:, 1], boxes[:, 3], size, h)
    columns = _axis_weights(boxes[:, 0], boxes[:, 2], size, w)
    weights = (rows[:, :, None, :, None] * columns[:, None, :, None, :]).reshape(
        len(rois), size * size, h * w
    )
    cells = feature.permute(0, 2, 3, 1).reshape(len(feature), h * w, -1)
    pooled = torch.bmm(weights, cells[rois[:, 0].long()])
    return pooled.view(len(rois), size, size, -1).permute(0, 3, 1, 2)


def _axis_weights(low: Tensor, high: Tensor, size: int, cells: int) -> Tensor:
    """Weights [R,size,cells] of the cells along one axis in each bin between low and high [R].

    A bin averages ceil(extent / size) evenly spaced samples; a sample further than one cell
    outside counts as zero, a nearer one is moved to the border.
    """
    extent = high - low
    samples = torch.ceil(extent / size)
    most = max(1, int(samples.max()))
    number = torch.arange(most, device=low.device, dtype=low.dtype)
    bins = torch.arange(size, device=low.device, dtype=low.dtype)
    step = (extent / size)[:, None, None]
    share = (number + 0.5) / samples.clamp(min=1)[:, None]
    place = low[:, None, None] + step * (bins[:, None] + share[:, None])
    used = (number < samples[:, None])[:, None] & (place >= -1) & (place <= cells)
    place = place.clamp(0, cells - 1)
    centers = torch.arange(cells, device=low.device, dtype=low.dtype)
    near = (1 - (place[..., None] - centers).abs()).clamp(min=0) * used[..., None]
    return near.sum(dim=2) / samples.clamp(min=1)[:, None, None]
