"""AugMix' nine operations on images, those of Pillow, for a whole batch at once.

Hendrycks et al., "AugMix", ICLR 2020, appendix C: operations that do not overlap with the
corruptions of CIFAR-10-C.  Every one is either a table per channel (autocontrast, equalize,
posterize, solarize) or an affine map (rotate, shear, translate), so a batch with a different
operation for every image takes one table look-up and one sampling, and no loop over images.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

OPERATIONS = (
    "autocontrast",
    "equalize",
    "posterize",
    "rotate",
    "solarize",
    "shear_x",
    "shear_y",
    "translate_x",
    "translate_y",
)
AUTOCONTRAST, EQUALIZE, POSTERIZE, ROTATE, SOLARIZE, SHEAR_X, SHEAR_Y, MOVE_X, MOVE_Y = range(9)
TABLES = (AUTOCONTRAST, EQUALIZE, POSTERIZE, SOLARIZE)
STRONGEST = 10  # the level at which an operation is at its strongest
BITS, DEGREES, THRESHOLD, SHEAR, SHIFT = 4, 30, 256, 0.3, 1 / 3  # what it then does


def apply(
    images: UInt8[Tensor, "B C H W"],
    operation: Int[Tensor, " B"],
    level: Float[Tensor, " B"],
    sign: Float[Tensor, " B"],
) -> UInt8[Tensor, "B C H W"]:
    """One operation on every image.

    Args:
        images: bytes.
        operation: index into :data:`OPERATIONS`; -1 leaves an image as it is.
        level: strength on a scale to 10.
        sign: of rotations, shears and translations, 1 or -1.
    """
    size = (images.shape[-2], images.shape[-1])
    found = images.clone()
    # one host round trip for each kind; doing both to all images would take three times as long
    color = (operation >= 0) & torch.isin(operation, torch.tensor(TABLES, device=images.device))
    rows = color.nonzero()[:, 0]
    if len(rows):
        some = images[rows]
        table = tables(some, operation[rows], level[rows]).to(torch.uint8)
        found[rows] = table.gather(2, some.flatten(2).long()).view_as(some)
    rows = ((operation >= 0) & ~color).nonzero()[:, 0]
    if len(rows):
        matrix = matrices(operation[rows], level[rows], sign[rows], size)
        found[rows] = sampled(images[rows], matrix)
    return found


def tables(
    images: UInt8[Tensor, "B C H W"], operation: Int[Tensor, " B"], level: Float[Tensor, " B"]
) -> Int[Tensor, "B C 256"]:
    """What becomes of every value of a channel; the identity for affine operations."""
    value = torch.arange(256, device=images.device)
    batch, channels = images.shape[:2]
    counts = torch.zeros(batch, channels, 256, dtype=torch.int64, device=images.device)
    flat = images.flatten(2).long()
    counts.scatter_add_(2, flat, torch.ones_like(flat))
    bits = BITS - (level * BITS / STRONGEST).long()
    keep = 256 - 2 ** (8 - bits)[:, None, None]
    threshold = (THRESHOLD - (level * THRESHOLD / STRONGEST).long())[:, None, None]
    found = value.expand(batch, channels, 256)
    for index, table in (
        (AUTOCONTRAST, _stretched(counts)),
        (EQUALIZE, _equalized(counts)),
        (POSTERIZE, value & keep),
        (SOLARIZE, torch.where(value < threshold, value, 255 - value)),
    ):
        found = torch.where((operation == index)[:, None, None], table, found)
    return found


def _stretched(counts: Int[Tensor, "B C 256"]) -> Int[Tensor, "B C 256"]:
    value = torch.arange(256, device=counts.device)
    there = counts > 0
    low = there.to(torch.uint8).argmax(2, keepdim=True)
    high = 255 - there.flip(2).to(torch.uint8).argmax(2, keepdim=True)
    span = (high - low).clamp(min=1).double()
    # a true division: 255.0 / span would be a product with a rounded reciprocal
    scale = torch.full_like(span, 255) / span
    wide = (value * scale - low * scale).trunc().clamp(0, 255).long()
    return torch.where(high > low, wide, value)


def _equalized(counts: Int[Tensor, "B C 256"]) -> Int[Tensor, "B C 256"]:
    value = torch.arange(256, device=counts.device)
    high = 255 - (counts > 0).flip(2).to(torch.uint8).argmax(2, keepdim=True)
    step = (counts.sum(2, keepdim=True) - counts.gather(2, high)) // 255
    below = counts.cumsum(2) - counts
    level = ((step // 2 + below) // step.clamp(min=1)).clamp(max=255)
    several = (counts > 0).sum(2, keepdim=True) > 1
    return torch.where((step > 0) & several, level, value)


def matrices(
    operation: Int[Tensor, " B"],
    level: Float[Tensor, " B"],
    sign: Float[Tensor, " B"],
    size: tuple[int, int],
) -> Float[Tensor, "B 2 3"]:
    """Maps from output to input (x, y), Pillow's convention; the identity for table operations."""
    height, width = size
    level, sign = level.double(), sign.double()
    one, zero = torch.ones_like(level), torch.zeros_like(level)

    def only(index: int, value: Tensor, other: Tensor) -> Tensor:
        return torch.where(operation == index, value, other)

    shear = sign * level * SHEAR / STRONGEST
    move = [sign * (level * (n * SHIFT) / STRONGEST).trunc() for n in (width, height)]
    angle = -torch.deg2rad(sign * (level * DEGREES / STRONGEST).trunc())
    cos, sin = only(ROTATE, angle.cos(), one), only(ROTATE, angle.sin(), zero)
    x, y = width / 2, height / 2
    return torch.stack(
        [
            torch.stack(
                [cos, only(SHEAR_X, shear, sin), only(MOVE_X, move[0], x - cos * x - sin * y)], 1
            ),
            torch.stack(
                [only(SHEAR_Y, shear, -sin), cos, only(MOVE_Y, move[1], y + sin * x - cos * y)], 1
            ),
        ],
        1,
    )


def sampled(
    images: UInt8[Tensor, "B C H W"], matrix: Float[Tensor, "B 2 3"]
) -> UInt8[Tensor, "B C H W"]:
    """Bilinear samples at the mapped pixel centers; what comes from outside the image is 0."""
    batch, channels, height, width = images.shape
    across = torch.arange(width, device=images.device, dtype=torch.float64) + 0.5
    down = torch.arange(height, device=images.device, dtype=torch.float64)[:, None] + 0.5
    place = [
        matrix[:, k, 0, None, None] * across
        + matrix[:, k, 1, None, None] * down
        + matrix[:, k, 2, None, None]
        for k in (0, 1)
    ]
    inside = torch.ones(batch, height, width, dtype=torch.bool, device=images.device)
    taps = []
    for at, length in zip(place, (width, height), strict=True):
        inside &= (at >= 0) & (at < length)
        low = (at - 0.5).floor()
        ends = [(low + k).clamp(0, length - 1).long() for k in (0, 1)]
        taps.append((ends, (at - 0.5 - low).float()[:, None]))
    (lefts, right), (tops, bottom) = taps
    flat = images.flatten(2)

    def taken(top: Tensor, left: Tensor) -> Tensor:
        index = (top * width + left).flatten(1)[:, None].expand(-1, channels, -1)
        return flat.gather(2, index).view_as(images).float()

    rows = [torch.lerp(taken(top, lefts[0]), taken(top, lefts[1]), right) for top in tops]
    value = torch.lerp(rows[0], rows[1], bottom)
    return torch.where(inside[:, None], value, 0).to(torch.uint8)
