"""What is a mix, and how is one applied?

A mix says, for every output sample b and every source k of K, which input sample is used, with
which weight at which place (``mask``), and what share of the label it earns (``weight``).
:func:`blend` is the only function of the project that combines samples: pixels, feature maps or
tokens, in training and in theory.

    x~[b] = sum_k mask[b, k] * x[source[b, k]]

Pairs have K = 2 with source 0 the sample itself, so ``mask[:, 0]`` is the papers' M and
``weight[:, 0]`` their lambda: always the share of the sample's *own* image.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Boxes:
    """Boxes that a second source fills, on a grid of h x w cells; outside them the sample itself
    stays.

    ``edges`` int64 [n, 4] holds (top, left, height, width), n = 1 for one box per batch.  A box may
    run over the last row or column: it then continues at the first one (the torus of the unbiased
    box law).  Keeping the four numbers instead of a dense mask is what lets :func:`blend` touch
    only the pixels it must.
    """

    edges: Int[Tensor, "n 4"]
    size: tuple[int, int]

    def inside(self) -> Bool[Tensor, "n h w"]:
        """True where the second source is."""
        rows, cols = (self._covered(axis) for axis in (0, 1))
        return rows[:, :, None] & cols[:, None, :]

    def _covered(self, axis: int) -> Bool[Tensor, "n length"]:
        length = self.size[axis]
        cells = torch.arange(length, device=self.edges.device)
        start, extent = self.edges[:, axis, None], self.edges[:, axis + 2, None]
        return (cells - start) % length < extent

    def share_outside(self) -> Float[Tensor, " n"]:
        """Share of the grid that the sample itself keeps (float64; exact, boxes have integer
        sides)."""
        area = (self.edges[:, 2] * self.edges[:, 3]).double()
        return 1 - area / (self.size[0] * self.size[1])


@dataclass(frozen=True)
class Mix:
    """One drawn mix for a batch of B samples.

    Attributes:
        source: int64 [B, K], input sample of every part; ``source[:, 0]`` is the sample itself.
        weight: float [B, K], label share of every part.  Rows need not sum to one (TokenMix's do
            not).
        mask: float [B or 1, K, h, w] that sums to one over K (h = w = 1 for masks without a shape),
            or :class:`Boxes` for K = 2.
        shift: for K = 2, ``source[b, 1] == (b + shift) % B`` known without reading the tensor, else
            None.
        parts: one entry per source: None where ``x[source]`` is used in place, or the content that
            a method moved, resized or made up (PuzzleMix's transport, ResizeMix, Cutout's fill),
            float, broadcastable to [B, C, H, W]. None: every source in place.
    """

    source: Int[Tensor, "B K"]
    weight: Float[Tensor, "B K"]
    mask: Tensor | Boxes
    shift: int | None = None
    parts: tuple[Tensor | None, ...] | None = None

    def dense(self, size: tuple[int, int] | None = None) -> Float[Tensor, "n K h w"]:
        """The mask as weights per source, brought to ``size`` by area averaging (which keeps its
        mean).

        A mask without a shape stays 1 x 1: it broadcasts over any size.
        """
        mask = self.mask
        if isinstance(mask, Boxes):
            partner = mask.inside().to(self.weight.dtype)[:, None]
            mask = torch.cat([1 - partner, partner], dim=1)
        if size is None or mask.shape[-2:] in ((1, 1), size):
            return mask
        return F.adaptive_avg_pool2d(mask, size)

    def to(self, device: torch.device) -> Mix:
        """The same mix on another device (asynchronous copies of small tensors)."""
        if self.source.device == device:
            return self
        mask = self.mask
        if isinstance(mask, Boxes):
            mask = replace(mask, edges=mask.edges.to(device, non_blocking=True))
        else:
            mask = mask.to(device, non_blocking=True)
        return replace(
            self,
            source=self.source.to(device, non_blocking=True),
            weight=self.weight.to(device, non_blocking=True),
            mask=mask,
        )


def identity(batch: int, device: torch.device | str = "cpu") -> Mix:
    """The mix that leaves every sample as it is (K = 1)."""
    source = torch.arange(batch, device=device)[:, None]
    ones = torch.ones(batch, 1, device=device)
    return Mix(source, ones, ones[:1, :, None, None])


def pair(
    partner: Int[Tensor, " B"],
    own: Tensor | Boxes,
    weight: Float[Tensor, " n"],
    *,
    shift: int | None = None,
    parts: tuple[Tensor | None, Tensor | None] | None = None,
) -> Mix:
    """A mix of each sample with one partner.

    Args:
        partner: int64 [B], the partner of each sample.
        own: float [B or 1, h, w], weight of the sample's own image; or :class:`Boxes` that the
            partner fills.
        weight: float [B or 1], label share of the sample's own image; the partner gets the rest.
        shift: see :class:`Mix`.
        parts: see :class:`Mix`.
    """
    batch = partner.shape[0]
    weight = weight.expand(batch)
    mask = own if isinstance(own, Boxes) else torch.stack([own, 1 - own], dim=1)
    source = torch.stack([torch.arange(batch, device=partner.device), partner], dim=1)
    return Mix(source, torch.stack([weight, 1 - weight], dim=1).float(), mask, shift, parts)


def blend(mix: Mix, x: Float[Tensor, "B *shape"]) -> Float[Tensor, "B *shape"]:
    """Applies a mix to images or feature maps [B, C, H, W] or to tokens [B, N, C] on a square grid.

    Masks are brought to the size of ``x``; the result has the dtype, device and memory format of
    ``x``. Differentiable with respect to ``x`` and to a dense mask.

    Raises:
        ValueError: ``x`` is neither [B, C, H, W] nor [B, N, C], its batch differs from the mix's,
            or a token count is not that of the mask's grid.
    """
    if x.shape[0] != mix.source.shape[0]:
        raise ValueError(
            f"the mix was drawn for {mix.source.shape[0]} samples, the batch has {x.shape[0]}"
        )
    if x.ndim == 3:
        return _blend_tokens(mix, x)
    if x.ndim != 4:
        raise ValueError(
            f"expected images [B, C, H, W] or tokens [B, N, C], got shape {tuple(x.shape)}"
        )
    if mix.source.shape[1] == 1:
        return _part(mix, x, 0)
    if isinstance(mix.mask, Boxes) and mix.mask.size == tuple(x.shape[-2:]):
        return _fill_boxes(mix, mix.mask, x)
    mask = mix.dense((x.shape[-2], x.shape[-1])).to(x.dtype)[:, :, None]
    parts = [_part(mix, x, k) for k in range(mask.shape[1])]
    if len(parts) == 2:
        # lerp is exact at both ends, which a sum of two products is not in half precision
        return torch.lerp(parts[1], parts[0], mask[:, 0])
    return sum((mask[:, k] * part for k, part in enumerate(parts[1:], 1)), mask[:, 0] * parts[0])


def _part(mix: Mix, x: Tensor, k: int) -> Tensor:
    made = None if mix.parts is None else mix.parts[k]
    return _take(mix, x, k) if made is None else made.to(x.dtype)


def _take(mix: Mix, x: Tensor, k: int) -> Tensor:
    if k == 0:
        return x
    if mix.shift is not None:
        return torch.roll(x, -mix.shift, 0)
    return x[mix.source[:, k]]  # indexing keeps channels_last, index_select does not


def _fill_boxes(mix: Mix, boxes: Boxes, x: Tensor) -> Tensor:
    return torch.where(boxes.inside()[:, None], _part(mix, x, 1), _part(mix, x, 0))


def _blend_tokens(mix: Mix, x: Float[Tensor, "B N C"]) -> Tensor:
    """Tokens in row-major order on the mask's grid; a mask without a shape fits any number of
    tokens."""
    grid = mix.dense()
    if grid.shape[-2:] != (1, 1) and grid.shape[-2] * grid.shape[-1] != x.shape[1]:
        h, w = grid.shape[-2:]
        side = round(x.shape[1] ** 0.5)
        if side * side != x.shape[1]:
            raise ValueError(
                f"{x.shape[1]} tokens fit neither the mask's {h} x {w} grid nor a square one"
            )
        grid = mix.dense((side, side))
    weights = grid.flatten(2).transpose(1, 2).to(x.dtype)
    return sum(
        (weights[..., k, None] * _take(mix, x, k) for k in range(1, weights.shape[-1])),
        weights[..., 0, None] * x,
    )
