"""Fine-grained saliency: center against surround, in bytes.

Montabone and Soto, "Human detection using a mobile platform and novel features derived from a
visual saliency mechanism", Image and Vision Computing 2010, in the arithmetic of OpenCV's
``StaticSaliencyFineGrained`` (bytes truncated after every step), which SaliencyMix builds on; equal
to it bit by bit on uint8 images, batched, on any device.  OpenCV reads its gray image as bytes: on
the float images that SaliencyMix' release passes, its map has nothing to do with the content
(:func:`fine_grained_of_floats`).
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor
from torch.nn import functional as F

from mixlib.core.normalization import COLORS, per_channel

__all__ = ["bytes_of", "fine_grained", "fine_grained_of_floats", "peak"]

# half widths of the surrounds, in OpenCV's order: 3 and 7 pixels at three octaves each, times 4
SURROUNDS = (12, 24, 48, 28, 56, 112)
# OpenCV's gray of floats: its numbers for blue, green and red as float32
_FLOAT = [float(weight) for weight in torch.tensor([0.114, 0.587, 0.299])]


def fine_grained(images: UInt8[Tensor, "B C H W"]) -> UInt8[Tensor, "B H W"]:
    """Saliency of images as bytes.

    The channel weights are applied in OpenCV's order, blue first, to RGB data: that is what
    SaliencyMix does.

    Example:
        >>> images = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
        >>> images[:, :, 20:23, 4:7] = 255
        >>> peak(fine_grained(images)).tolist()
        [[21, 5]]
    """
    gray = _blurred(_blurred(_gray(images)))
    height, width = gray.shape[1:]
    # sums of bytes are exact in float32 up to 2^24
    exact = torch.float32 if height * width * 255 < 2**24 else torch.float64
    return _contrast(F.pad(gray.to(exact).cumsum(1).cumsum(2), (1, 0, 1, 0)), gray.float())


def fine_grained_of_floats(x: Float[Tensor, "B C H W"]) -> UInt8[Tensor, "B H W"]:
    """What OpenCV makes of float images, and so SaliencyMix' release of normalized ones.

    The surround of a pixel is the mean of true gray values, but its center is a *byte* of the gray
    image: in row r, column c, byte c of the row's float32 numbers (low byte first), so that only
    the left quarter of an image counts, most of it by the noise in its mantissa.  Equal to OpenCV's
    map on all of 3 recorded images of 32 x 32: sums are rounded in the order of its code with fused
    multiply-add, on which the low bytes depend.

    Example:
        >>> fine_grained_of_floats(torch.zeros(1, 3, 32, 32)).shape
        torch.Size([1, 32, 32])
    """
    if x.shape[1] != COLORS:
        x = x.mean(1, keepdim=True).expand(-1, COLORS, -1, -1)
    red, green, blue = x.double().unbind(1)
    # the channel weights in OpenCV's order, blue first, on RGB data
    gray = (green * _FLOAT[1]).float().double()
    for channel, weight in ((red, _FLOAT[0]), (blue, _FLOAT[2])):
        gray = (channel * weight + gray).float().double()
    soft = _blurred_floats(_blurred_floats(gray.float())).contiguous()
    read = soft.view(torch.uint8)[:, :, : x.shape[-1]].float()
    return _contrast(F.pad(soft.double().cumsum(1).cumsum(2), (1, 0, 1, 0)), read)


def _contrast(
    total: Float[Tensor, "B I J"], value: Float[Tensor, "B H W"]
) -> UInt8[Tensor, "B H W"]:
    """Centers against surrounds of all sizes, in bytes.

    Args:
        total: integral image.
        value: of the centers, 0 to 255.
    """
    on, off = torch.zeros_like(value), torch.zeros_like(value)
    for reach, times in _distinct(max(value.shape[1:])):
        difference = value - _surround(total, value, reach)
        # above 255, where the surround is negative, bytes wrap around
        on += times * difference.clamp(min=0).trunc().remainder(256)
        off += times * (-difference).clamp(min=0).trunc().remainder(256)
    on, off = _to_bytes(on), _to_bytes(off)
    most = torch.maximum(on.amax((1, 2)), off.amax((1, 2))).clamp(min=1)[:, None, None]
    # a sum above the larger maximum wraps around, too
    return (255.0 * ((on + off) / most)).to(torch.int64).remainder(256).to(torch.uint8)


def peak(saliency: UInt8[Tensor, "B H W"]) -> Int[Tensor, "B 2"]:
    """(row, column) of the first maximum in row order.

    Example:
        >>> peak(torch.tensor([[[0, 3], [3, 1]]], dtype=torch.uint8)).tolist()
        [[0, 1]]
    """
    first = saliency.flatten(1).to(torch.int16).argmax(1)
    width = saliency.shape[2]
    return torch.stack([first // width, first % width], 1)


def bytes_of(
    x: Float[Tensor, "B C H W"], mean: tuple[float, ...], std: tuple[float, ...]
) -> UInt8[Tensor, "B C H W"]:
    """Normalized images as bytes again; pixels that are no numbers become 0.

    Args:
        x: images of any number of channels.
        mean, std: what they were normalized with, see
            :func:`mixlib.core.normalization.per_channel`.

    Example:
        >>> bytes_of(torch.zeros(1, 3, 1, 1), (0.5, 0.2, 1.0), (0.25,) * 3).flatten().tolist()
        [128, 51, 255]
    """
    mean_, std_ = (per_channel(v, x.shape[1], x.device) for v in (mean, std))
    return ((x.float() * std_ + mean_) * 255).nan_to_num().round().clamp(0, 255).to(torch.uint8)


def _gray(images: UInt8[Tensor, "B C H W"]) -> Int[Tensor, "B H W"]:
    """OpenCV's fixed-point weights 0.114, 0.587, 0.299; the mean of channels that are no colors."""
    if images.shape[1] != COLORS:
        return images.float().mean(1).round().to(torch.int32)
    first, second, third = images.to(torch.int32).unbind(1)
    return (first * 3735 + second * 19235 + third * 9798 + 2**14) >> 15


def _blurred(gray: Int[Tensor, "B H W"]) -> Int[Tensor, "B H W"]:
    """Binomial 3 x 3 blur, borders reflected, rounded half up."""
    # a side of one pixel has nothing to reflect
    wide = [min(1, n - 1) for n in (gray.shape[2], gray.shape[2], gray.shape[1], gray.shape[1])]
    padded = F.pad(gray[:, None].float(), wide, mode="reflect")
    padded = F.pad(padded, [1 - n for n in wide], mode="replicate").to(torch.int32)[:, 0]
    across = padded[:, :, :-2] + 2 * padded[:, :, 1:-1] + padded[:, :, 2:]
    return (across[:, :-2] + 2 * across[:, 1:-1] + across[:, 2:] + 8) >> 4


def _blurred_floats(gray: Float[Tensor, "B H W"]) -> Float[Tensor, "B H W"]:
    """Binomial 3 x 3 blur of floats, borders reflected, outer pair first as OpenCV adds."""
    wide = [min(1, n - 1) for n in (gray.shape[2], gray.shape[2], gray.shape[1], gray.shape[1])]
    padded = F.pad(gray[:, None], wide, mode="reflect")
    padded = F.pad(padded, [1 - n for n in wide], mode="replicate")[:, 0]
    across = padded[:, :, 1:-1] * 0.5 + (padded[:, :, :-2] + padded[:, :, 2:]) * 0.25
    return across[:, 1:-1] * 0.5 + (across[:, :-2] + across[:, 2:]) * 0.25


def _distinct(side: int) -> list[tuple[int, int]]:
    """Surrounds with their number: all that reach over the whole image are one."""
    within = [(reach, 1) for reach in SURROUNDS if reach < side]
    beyond = len(SURROUNDS) - len(within)
    return [*within, (side, beyond)] if beyond else within


def _surround(
    total: Float[Tensor, "B I J"], value: Float[Tensor, "B H W"], reach: int
) -> Float[Tensor, "B H W"]:
    """Mean over [p - reach + 1, p + reach] of every pixel p, cut at the border, without p."""
    ends = []
    for length in value.shape[1:]:
        place = torch.arange(length, device=value.device)
        ends.append(((place - reach + 1).clamp(min=0), (place + reach + 1).clamp(max=length)))
    (top, bottom), (left, right) = ends
    band = total[:, bottom] - total[:, top]
    window = (band[:, :, right] - band[:, :, left]).float()
    count = (bottom - top)[:, None] * (right - left) - 1
    # an image of one pixel has no surround: no difference to itself
    return torch.where(count > 0, (window - value) / count.clamp(min=1).float(), value)


def _to_bytes(values: Float[Tensor, "B H W"]) -> Float[Tensor, "B H W"]:
    """Scaled so that the largest becomes 255, and truncated."""
    most = values.amax((1, 2), keepdim=True).clamp(min=1)
    return (255.0 * (values / most)).trunc()
