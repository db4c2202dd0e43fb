"""Augmentation of a batch in memory: parameters drawn once, then applied to all images.

Draws come from one explicit generator on the CPU, whatever the device of the images, and for the
whole global batch; a rank applies its own rows of them. So neither the device nor the number of
processes changes the augmentation. Resizing is separable: one dense matrix a side and a sample,
which also holds crop, flip and antialiasing, so a random resized crop is two matrix products.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from mixlib.data.augmentations import Augment


@dataclass(frozen=True)
class Draws:
    """Random parameters of B images: box corner (top, left) and size (height, width), and flip."""

    box: Int[Tensor, "B 4"]
    flip: Bool[Tensor, " B"]

    def rows(self, index: slice) -> Draws:
        """The draws of some of the images."""
        return Draws(self.box[index], self.flip[index])


def draw(augment: Augment, count: int, height: int, width: int, rng: torch.Generator) -> Draws:
    """Parameters for `count` images of height x width pixels (after `augment.before`).

    Crop 'pad' gives corners between -padding and the last that fits; 'resized' draws boxes as
    `random_boxes`; 'none' takes the whole image.
    """
    flip = torch.rand(count, generator=rng) < augment.flip
    if augment.crop == "resized":
        return Draws(random_boxes(augment, count, height, width, rng), flip)
    box = torch.tensor([0, 0, height, width]).repeat(count, 1)
    if augment.crop == "pad":
        space = [side + 2 * augment.padding - augment.size + 1 for side in (height, width)]
        if min(space) < 1:
            raise ValueError(
                f"cannot cut {augment.size} pixels from {height}x{width} images padded by "
                f"{augment.padding}; resize the images or change the augmentation's size"
            )
        corner = [torch.randint(room, (count,), generator=rng) for room in space]
        box[:, :2] = torch.stack(corner, 1) - augment.padding
        box[:, 2:] = augment.size
    return Draws(box, flip)


def random_boxes(
    augment: Augment, count: int, height: int, width: int, rng: torch.Generator
) -> Int[Tensor, "B 4"]:
    """Boxes (top, left, height, width) of a random resized crop, with torchvision's law.

    Area share uniform in `scale`, aspect ratio log-uniform in `ratio`; the first of ten tries that
    fits is taken, else the largest central box of an allowed ratio. All tries are drawn at once.
    """
    share, shape, top, left = torch.rand(4, count, 10, generator=rng)
    area = height * width * (augment.scale[0] + share * (augment.scale[1] - augment.scale[0]))
    low, high = math.log(augment.ratio[0]), math.log(augment.ratio[1])
    aspect = torch.exp(low + shape * (high - low))
    w = torch.round(torch.sqrt(area * aspect)).long()
    h = torch.round(torch.sqrt(area / aspect)).long()
    fits = (w >= 1) & (w <= width) & (h >= 1) & (h <= height)
    # argmax of a boolean row is its first True; rows without one are replaced below.
    first = fits.int().argmax(1, keepdim=True)
    h, w, top, left = (t.gather(1, first).squeeze(1) for t in (h, w, top, left))
    top = (top * (height - h + 1)).long().clamp_(min=0)
    left = (left * (width - w + 1)).long().clamp_(min=0)
    box = torch.stack([top, left, h, w], 1)
    within = min(max(width / height, augment.ratio[0]), augment.ratio[1])
    h0, w0 = min(height, round(width / within)), min(width, round(height * within))
    center = torch.tensor([(height - h0) // 2, (width - w0) // 2, h0, w0])
    return torch.where(fits.any(1, keepdim=True), box, center)


def resize_matrix(
    start: Float[Tensor, " B"], length: Float[Tensor, " B"], source: int, target: int, kind: str
) -> Float[Tensor, "B target source"]:
    """Weights that resample `length` pixels from `start` on, out of `source`, to `target` pixels.

    The antialiased filters of PIL and torchvision: bilinear has support 1, bicubic (a = -0.5)
    support 2, stretched when shrinking; weights are normalized inside the box, so nothing outside
    leaks in.
    """
    device = start.device
    step = (length / target)[:, None, None]
    stretch = step.clamp(min=1)
    center = start[:, None, None] + (torch.arange(target, device=device)[:, None] + 0.5) * step
    pixel = torch.arange(source, device=device) + 0.5
    distance = (pixel - center).abs() / stretch
    if kind == "bilinear":
        weight = (1 - distance).clamp(min=0)
    else:
        d2, d3 = distance**2, distance**3
        near = 1.5 * d3 - 2.5 * d2 + 1
        far = -0.5 * d3 + 2.5 * d2 - 4 * distance + 2
        weight = torch.where(distance < 1, near, torch.where(distance < 2, far, 0.0))
    low, high = start[:, None, None], (start + length)[:, None, None]
    weight = weight * ((pixel > low) & (pixel < high))
    return weight / weight.sum(2, keepdim=True)


def crop_resize(
    x: UInt8[Tensor, "B H W C"], draws: Draws, size: int, kind: str
) -> Float[Tensor, "B C size size"]:
    """Each image's box, flipped if drawn, resized to size x size; values 0 to 255 (not rounded)."""
    box = draws.box.to(x.device, torch.float32)
    rows = resize_matrix(box[:, 0], box[:, 2], x.shape[1], size, kind)
    columns = resize_matrix(box[:, 1], box[:, 3], x.shape[2], size, kind)
    flip = draws.flip.to(x.device)[:, None, None]
    columns = torch.where(flip, columns.flip(1), columns)
    planes = x.permute(0, 3, 1, 2).float()
    out = rows[:, None] @ planes @ columns[:, None].transpose(2, 3)
    # Bicubic overshoots; an 8-bit picture would be clipped here.
    return out.clamp_(0, 255)


def crop_pad(
    x: UInt8[Tensor, "B H W C"], draws: Draws, size: int, mode: str
) -> UInt8[Tensor, "B size size C"]:
    """Each image's size x size window, flipped if drawn; pixels outside are mirrored or zero.

    One gather: the padded images never exist in memory.
    """
    height, width = x.shape[1:3]
    steps = torch.arange(size, device=x.device)
    corner = draws.box[:, :2].to(x.device)
    row, column = corner[:, :1] + steps, corner[:, 1:] + steps
    flip = draws.flip.to(x.device)[:, None]
    column = torch.where(flip, column.flip(1), column)
    sample = torch.arange(len(x), device=x.device)[:, None, None]
    if mode == "reflect":
        row = height - 1 - (height - 1 - row.abs()).abs()
        column = width - 1 - (width - 1 - column.abs()).abs()
        return x[sample, row[:, :, None], column[:, None, :]]
    rows, columns = row.clamp(0, height - 1), column.clamp(0, width - 1)
    held = (row == rows)[:, :, None] & (column == columns)[:, None, :]
    return x[sample, rows[:, :, None], columns[:, None, :]] * held[..., None]


def normalize(
    x: Tensor, mean: tuple[float, ...], std: tuple[float, ...]
) -> Float[Tensor, "B C h w"]:
    """Values 0 to 255 (any number type, NCHW) -> (x / 255 - mean) / std, float32, channels last."""
    scale = 1 / (255 * torch.tensor(std, device=x.device))
    shift = torch.tensor(mean, device=x.device) / torch.tensor(std, device=x.device)
    out = x.float() * scale[:, None, None] - shift[:, None, None]
    return out.contiguous(memory_format=torch.channels_last)


def train_batch(x: UInt8[Tensor, "B H W C"], augment: Augment, draws: Draws) -> Tensor:
    """Augmented images [B, C, size, size] with values 0 to 255, not yet normalized.

    Raises:
        ValueError: if the augmentation has steps that work on single pictures only.
    """
    if not augment.batched:
        raise ValueError(
            "RandAugment, color jitter and erasing work on single pictures; "
            "use mixlib.data.augment_image for them"
        )
    x = resize_shorter(x, augment.before, augment.interpolation)
    if augment.crop == "resized" or (
        augment.crop == "none" and x.shape[1:3] != (augment.size,) * 2
    ):
        return crop_resize(x, draws, augment.size, augment.interpolation)
    return crop_pad(x, draws, augment.size, augment.padding_mode).permute(0, 3, 1, 2)


def test_batch(x: UInt8[Tensor, "B H W C"], augment: Augment) -> Tensor:
    """Test inputs [B, C, s, s], values 0 to 255: the whole image, or the center after a resize."""
    size = augment.input_size
    if augment.test_ratio:
        x = resize_shorter(x, round(size / augment.test_ratio), augment.interpolation)
        top, left = ((side - size) // 2 for side in x.shape[1:3])
        return x[:, top : top + size, left : left + size].permute(0, 3, 1, 2)
    if x.shape[1:3] == (size, size):
        return x.permute(0, 3, 1, 2)
    return crop_resize(x, _whole(x), size, augment.interpolation)


def shorter_side(height: int, width: int, side: int) -> tuple[int, int]:
    """(height, width) after a resize of the shorter side to `side`; the other is rounded down."""
    short = min(height, width)
    return side * height // short, side * width // short


def resize_shorter(x: UInt8[Tensor, "B H W C"], side: int, kind: str) -> UInt8[Tensor, "B h w C"]:
    """Images whose shorter side is `side` pixels, rounded to 8 bits; unchanged where side is 0."""
    height, width = x.shape[1:3]
    if not side or min(height, width) == side:
        return x
    h, w = shorter_side(height, width, side)
    box = _whole(x).box.to(x.device, torch.float32)[:1]
    rows = resize_matrix(box[:, 0], box[:, 2], height, h, kind)
    columns = resize_matrix(box[:, 1], box[:, 3], width, w, kind)
    out = rows[:, None] @ x.permute(0, 3, 1, 2).float() @ columns[:, None].transpose(2, 3)
    return out.round_().clamp_(0, 255).to(torch.uint8).permute(0, 2, 3, 1)


def _whole(x: Tensor) -> Draws:
    count, height, width = x.shape[:3]
    box = torch.tensor([0, 0, height, width]).repeat(count, 1)
    return Draws(box, torch.zeros(count, dtype=torch.bool))
