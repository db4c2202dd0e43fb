"""FMix: random blobs, the brightest part of low-frequency noise.

Harris et al., "FMix: Enhancing Mixed Sample Data Augmentation", 2020, section 4: complex normal noise
in the half-plane of frequencies of a real image, divided by frequency^decay, transformed to a real
field; the lambda H W largest pixels keep the own image.

The released sampler indexes the frequency axis where it means the real and imaginary parts, so that
only two horizontal and one-sided vertical frequencies exist; ``released=True`` repeats that.

Noise beyond ``cutoff`` cycles per image is left out: at decay 3 and cutoff 16 it holds less than 1e-5
of the field's variance, and on 224 pixels its draws would take most of the time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mixlib.laws.base import MaskLaw


@dataclass(frozen=True)
class Fourier(MaskLaw):
    """Masks of thresholded low-pass noise.

    Args:
        decay: exponent of the frequency filter (3 in the paper).
        soft: half width of the ramp at the threshold, as a share of the pixels; 0 for a hard mask.
        cutoff: highest frequency drawn, in cycles per image along either axis; None: all.
        released: the released sampler's two columns of frequencies.
        label: the paper labels with the drawn lambda; the mask's mean differs by up to a pixel.
    """

    decay: float = 3.0
    soft: float = 0.0
    cutoff: int | None = 16
    released: bool = False
    label: Literal["drawn", "realised"] = "drawn"

    @property
    def unbiased(self) -> bool:  # type: ignore[override]
        # a stationary field; the ramp shrinks with the smaller share, symmetrically
        return not self.released

    def draw(
        self, lam: Float[Tensor, " n"], size: tuple[int, int], rng: torch.Generator
    ) -> Float[Tensor, "n h w"]:
        rows, cols = frequencies(size, self.cutoff, self.released)
        shape = (len(lam), len(rows), len(cols), 2)
        noise = torch.randn(shape, generator=rng, device=rng.device)
        field = low_pass(noise, rows, cols, size, self.decay, self.released)
        round_up = torch.rand(len(lam), generator=rng, device=rng.device)
        # the release rounds up or down with equal odds; with the right odds the mean is lambda
        wanted = lam * (size[0] * size[1])
        if self.released:
            count = torch.where(round_up > 0.5, wanted.ceil(), wanted.floor()).long()
        else:
            count = (wanted + round_up).floor().long().clamp(max=size[0] * size[1])
        if self.soft:
            return ramp(field, count, lam, self.soft)
        return brightest(field, count)


def frequencies(
    size: tuple[int, int], cutoff: int | None, released: bool
) -> tuple[Int[Tensor, " p"], Int[Tensor, " q"]]:
    """Vertical and horizontal frequencies that are drawn, in cycles per image.

    The released sampler has columns 0 and 1, and one-sided rows 0 .. W / 2 + 1.
    """
    h, w = size
    if released:
        # an odd width has one bin more than a real transform needs
        rows, cols = torch.arange(min(w // 2 + 1 + w % 2, h)), torch.arange(2)
    else:
        rows = torch.arange(h)
        rows = torch.where(rows > h // 2, rows - h, rows)
        cols = torch.arange(w // 2 + 1)
    if cutoff is None:
        return rows, cols
    return rows[rows.abs() <= cutoff], cols[cols <= cutoff]


def low_pass(
    noise: Float[Tensor, "n p q 2"],
    rows: Int[Tensor, " p"],
    cols: Int[Tensor, " q"],
    size: tuple[int, int],
    decay: float,
    released: bool = False,
) -> Float[Tensor, "n h w"]:
    """Filtered noise as a real field in [0, 1], every field using the whole range.

    Two small matrix products instead of a fast transform: only a corner of the spectrum is there.

    Args:
        noise: standard normal; the last axis holds real and imaginary parts.
        rows, cols: frequencies in cycles per image.
        size: (h, w).
        decay: exponent.
        released: the released sampler's filter, see :func:`_filter`.
    """
    h, w = size
    noise = noise * _filter(rows, cols, size, decay, released).to(noise)
    # columns other than 0 and w / 2 stand for their mirror images as well
    double = torch.where((cols == 0) | (2 * cols == w), 1.0, 2.0).to(noise)
    real, imag = (noise * double[:, None]).unbind(-1)
    down = torch.outer(torch.arange(h), rows).to(noise) * (2 * torch.pi / h)
    across = torch.outer(cols, torch.arange(w)).to(noise) * (2 * torch.pi / w)
    cos, sin = down.cos(), down.sin()
    turned = torch.cat([cos @ real - sin @ imag, cos @ imag + sin @ real], -1)
    field = turned @ torch.cat([across.cos(), -across.sin()])
    low, high = field.aminmax(dim=-1)
    low, high = low.amin(-1)[:, None, None], high.amax(-1)[:, None, None]
    return (field - low) / (high - low).clamp(min=torch.finfo(field.dtype).tiny)


def _filter(
    rows: Int[Tensor, " p"],
    cols: Int[Tensor, " q"],
    size: tuple[int, int],
    decay: float,
    released: bool,
) -> Float[Tensor, "p q 2"]:
    """1 / frequency^decay in cycles per pixel, floored at one cycle per image.

    The released sampler takes row 0 of its filtered noise for the real and row 1 for the imaginary
    parts, and what it filtered as column j becomes row j.
    """
    h, w = size
    if released:
        up = torch.arange(2.0, dtype=torch.float64)[None, None] / h
        along = torch.minimum(rows, w - rows).double()[:, None, None] / w
        up, along = torch.broadcast_tensors(up, along.expand(-1, len(cols), 1))
    else:
        up = rows.double()[:, None, None].expand(-1, len(cols), 2) / h
        along = cols.double()[None, :, None] / w
    return torch.hypot(up, along.expand_as(up)).clamp(min=1 / max(size)) ** -decay


def brightest(
    field: Float[Tensor, "n h w"], count: Int[Tensor, " n"], passes: int = 32
) -> Float[Tensor, "n h w"]:
    """1 on the ``count`` largest pixels of every field, 0 elsewhere; ties may move it by themselves.

    The threshold is bracketed by interpolation and bisection in turn, all fields together: about 8
    passes, far fewer than a sort costs.  Whether every count is met is asked every 6th pass.
    """
    flat, wanted = field.flatten(1), count.to(field.dtype)
    # at ``low`` too many pixels lie above, at ``high`` too few or just enough
    low, high = torch.full_like(wanted, -1e-3), torch.ones_like(wanted)
    above_low, above_high = torch.full_like(wanted, flat.shape[1]), torch.zeros_like(wanted)
    for turn in range(passes):
        share = (above_low - wanted) / (above_low - above_high).clamp(min=1)
        if turn % 3 == 2:
            share = torch.full_like(share, 0.5)
        cut = low + (high - low) * share.clamp(0.02, 0.98)
        above = (flat > cut[:, None]).sum(1).to(field.dtype)
        enough = above <= wanted
        high, above_high = torch.where(enough, cut, high), torch.where(enough, above, above_high)
        low, above_low = torch.where(enough, low, cut), torch.where(enough, above_low, above)
        if turn % 6 == 5 and bool((above_high == wanted).all()):
            break
    nothing_cut = wanted == flat.shape[1]
    high = torch.where(nothing_cut, -torch.ones_like(high), high)
    return (field > high[:, None, None]).to(field.dtype)


def ramp(
    field: Float[Tensor, "n h w"], count: Int[Tensor, " n"], lam: Float[Tensor, " n"], soft: float
) -> Float[Tensor, "n h w"]:
    """As :func:`brightest`, with a linear ramp by rank over ``soft`` of the pixels either side, or
    over the smaller share where that is less."""
    flat = field.flatten(1)
    rank = flat.argsort(1, descending=True).argsort(1)
    half = (torch.minimum(lam, 1 - lam).clamp(max=soft) * flat.shape[1]).long()
    place = (rank - (count - half)[:, None]).to(field.dtype)
    length = (2 * half - 1).clamp(min=1).to(field.dtype)[:, None]
    own = (1 - place / length).clamp(0, 1)
    hard = (rank < count[:, None]).to(field.dtype)
    return torch.where((half > 0)[:, None], own, hard).view_as(field)
