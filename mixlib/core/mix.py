"""The mix of a batch and its one application, :func:`blend`.

A mix says, for every output sample b and every source k of K, which input sample is used, with
which weight at which place (``mask``), and what share of the label it earns (``weight``).
:func:`blend` is the only function of the project that combines samples: pixels, feature maps or
tokens, in training and in theory.

    x~[b] = sum_k mask[b, k] * x[source[b, k]]

Pairs have K = 2 with source 0 the sample itself, so ``mask[:, 0]`` is the papers' M and
``weight[:, 0]`` their lambda: always the share of the sample's *own* image.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor
from torch.nn import functional as F

from mixlib.core.boxes import Boxes, paste

__all__ = ["Boxes", "MadeUp", "Mix", "Move", "blend", "cyclic", "identity", "pair", "rolled"]

# pixels of a sample up to which boxes are blended by a mask instead of pasted one by one: a paste
# costs some 4 us however small it is
SMALL = 16_384
# "1 - tensor" takes 2.6 us, a subtraction from a tensor 1.0
_ONE = torch.ones((), dtype=torch.float64)


class Move(ABC):
    """Where the pixels of a part come from: what moved an image moves its annotations.

    ``made_up``: from nowhere, the method invented them.

    Example:
        >>> MadeUp()(torch.ones(1, 1, 2, 2)).sum()
        tensor(0.)
    """

    made_up: bool = False

    @abstractmethod
    def __call__(self, maps: Shaped[Tensor, "B C H W"]) -> Shaped[Tensor, "B C H W"]:
        """The maps of every output's source, moved, without interpolation."""

    def scale(self, size: tuple[int, int]) -> Float[Tensor, " n"]:
        """Pixels of the output for each of the source, in images of this size."""
        return torch.ones(1)


@dataclass(frozen=True)
class MadeUp(Move):
    """A part that shows no sample (the fill of Cutout): its maps are zero.

    Example:
        >>> MadeUp().made_up
        True
    """

    made_up = True

    def __call__(self, maps: Shaped[Tensor, "B C H W"]) -> Shaped[Tensor, "B C H W"]:
        return torch.zeros_like(maps)


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
        moves: for ``parts``: one entry per source, None where ``x[source]`` is used in place, or
            where the part's pixels come from; None: not known, annotations cannot be mixed.
        labels: float [B, Y], the label of every *input* sample as a row over the classes, where it
            is no class index (ReLabel, soft labels); None: the class indices that come with the
            batch.

    Example:
        >>> mix = pair(torch.tensor([1, 0]), None, torch.tensor([0.75, 0.75]))
        >>> mix.source.tolist(), mix.weight[0].tolist()
        ([[0, 1], [1, 0]], [0.75, 0.25])
    """

    source: Int[Tensor, "B K"]
    weight: Float[Tensor, "B K"]
    mask: Tensor | Boxes
    shift: int | None = None
    parts: tuple[Tensor | None, ...] | None = None
    labels: Float[Tensor, "B Y"] | None = None
    moves: tuple[Move | None, ...] | None = None

    def dense(self, size: tuple[int, int] | None = None) -> Float[Tensor, "n K h w"]:
        """The mask as weights per source, brought to ``size`` by area averaging (which keeps its
        mean).

        A mask without a shape stays 1 x 1: it broadcasts over any size.
        """
        mask = self.mask
        if isinstance(mask, Boxes):
            partner = mask.inside().to(self.weight.dtype)[:, None]
            mask = torch.cat([1 - partner, partner], dim=1)
        if size is None or tuple(mask.shape[2:]) in ((1, 1), size):
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
        labels = self.labels
        return replace(
            self,
            source=self.source.to(device, non_blocking=True),
            weight=self.weight.to(device, non_blocking=True),
            mask=mask,
            labels=None if labels is None else labels.to(device, non_blocking=True),
        )


def identity(batch: int, device: torch.device | str = "cpu") -> Mix:
    """The mix that leaves every sample as it is (K = 1).

    Example:
        >>> identity(3).source.flatten().tolist()
        [0, 1, 2]
    """
    source = torch.arange(batch, device=device)[:, None]
    ones = torch.ones(batch, 1, device=device)
    return Mix(source, ones, ones[:1, :, None, None])


@lru_cache(maxsize=64)
def _twice(batch: int, device: torch.device) -> Int[Tensor, " n"]:
    """0 .. B-1, twice; shared by all mixes of this batch size, so never handed out."""
    # a tensor made inside inference mode could not be used in a training step later
    with torch.inference_mode(False):
        return torch.arange(batch, device=device).repeat(2)


def cyclic(batch: int, shift: int, device: torch.device) -> Int[Tensor, "B 2"]:
    """The sources of a cyclic pairing, (b, (b + shift) % B), for the caller to keep."""
    return _twice(batch, device).as_strided((batch, 2), (1, shift)).clone()


def rolled(batch: int, shift: int, device: torch.device) -> Int[Tensor, " B"]:
    """The partners of a cyclic pairing, (b + shift) % B, for the caller to keep."""
    return _twice(batch, device).as_strided((batch,), (1,), shift).clone()


def pair(
    partner: Int[Tensor, " B"],
    own: Tensor | Boxes | None,
    weight: Float[Tensor, " n"] | Float[Tensor, "n 2"],
    *,
    shift: int | None = None,
    parts: tuple[Tensor | None, Tensor | None] | None = None,
    moves: tuple[Move | None, Move | None] | None = None,
) -> Mix:
    """A mix of each sample with one partner.

    Args:
        partner: int64 [B], the partner of each sample.
        own: float [B or 1, h, w], weight of the sample's own image; or :class:`Boxes` that the
            partner fills; or None for the label share at every pixel (Mixup).
        weight: float [B or 1], label share of the sample's own image, the partner gets the rest; or
            [B or 1, 2], the shares of both.
        shift: see :class:`Mix`.
        parts, moves: see :class:`Mix`.

    Example:
        >>> mix = pair(torch.tensor([1, 0]), None, torch.tensor([0.25]))
        >>> mix.source.tolist(), mix.weight.tolist()
        ([[0, 1], [1, 0]], [[0.25, 0.75], [0.25, 0.75]])
    """
    batch, device = partner.shape[0], partner.device
    shares = weight if weight.ndim == 2 else torch.stack([weight, torch.sub(_ONE, weight)], dim=1)
    shares = shares.float()
    if own is None:
        mask: Tensor | Boxes = shares.view(-1, 2, 1, 1)
    elif isinstance(own, Boxes):
        mask = own
    else:
        mask = torch.stack([own, 1 - own], dim=1)
    if shift is None:
        source = torch.stack([torch.arange(batch, device=device), partner], dim=1)
    else:
        source = cyclic(batch, shift, device)
    return Mix(source, shares.expand(batch, 2), mask, shift, parts, moves=moves)


def blend(mix: Mix, x: Float[Tensor, "B *shape"]) -> Float[Tensor, "B *shape"]:
    """Applies a mix to images or feature maps [B, C, H, W] or to tokens [B, N, C] on a square grid.

    Masks are brought to the size of ``x``; the result has the dtype, device and memory format of
    ``x``. Differentiable with respect to ``x`` and to a dense mask.  Where no gradient is asked
    for, a cyclic pairing moves 3 N bytes (two reads, one write) and makes no temporary.

    A source without weight at a pixel leaves no trace there, be it NaN or infinite (of images:
    where a gradient is asked for, a weighted sum stays a weighted sum).

    Raises:
        ValueError: ``x`` is neither [B, C, H, W] nor [B, N, C], its batch differs from the mix's,
            or a token count is not that of the mask's grid.

    Example:
        >>> x = torch.tensor([0.0, 1.0])[:, None, None, None].expand(2, 1, 4, 4)
        >>> mix = pair(torch.tensor([1, 0]), None, torch.tensor([0.25]))
        >>> blend(mix, x)[:, 0, 0, 0].tolist()
        [0.75, 0.25]
    """
    shape, (batch, sources) = x.shape, mix.source.shape
    if shape[0] != batch:
        raise ValueError(f"the mix was drawn for {batch} samples, the batch has {shape[0]}")
    if x.ndim == 3:
        return _blend_tokens(mix, x)
    if x.ndim != 4:
        raise ValueError(
            f"expected images [B, C, H, W] or tokens [B, N, C], got shape {tuple(shape)}"
        )
    if sources == 1:
        return _part(mix, x, 0)
    size = (shape[2], shape[3])
    if isinstance(mix.mask, Boxes) and mix.mask.size == size:
        if _small_boxes(mix, mix.mask, x):
            out = _blend_pair(mix, x, mix.mask.weights(x.dtype)[:, None], of_partner=True)
        else:
            out = _fill_boxes(mix, mix.mask, x)
    elif sources == 2:
        out = _blend_pair(mix, x, mix.dense(size)[:, :1])
    else:
        out = _blend_several(mix, x, mix.dense(size).to(x.dtype))
    return out if mix.parts is None else _in_format_of(x, out)


def _in_format_of(x: Tensor, out: Tensor) -> Tensor:
    """The same values in the memory format of the batch: parts that were made up come in their
    own."""
    if x.is_contiguous() or not x.is_contiguous(memory_format=torch.channels_last):
        return out
    return out.contiguous(memory_format=torch.channels_last)


def _blend_several(mix: Mix, x: Tensor, mask: Float[Tensor, "n K h w"]) -> Tensor:
    weights, parts = mask[:, :, None].unbind(1), [_part(mix, x, k) for k in range(mask.shape[1])]
    out = sum(
        (w * part for w, part in zip(weights[1:], parts[1:], strict=True)), weights[0] * parts[0]
    )
    if _differentiated(x, mask) or not _may_be_broken(out):
        return out
    shown = [torch.where(w == 0, 0, w * part) for w, part in zip(weights, parts, strict=True)]
    return sum(shown[1:], shown[0])


def _may_be_broken(out: Tensor) -> bool:
    """Whether a pixel may be no finite number.  Where looking would mean to wait for the device, it
    may; on the CPU one sum tells."""
    if out.device.type != "cpu" or torch.compiler.is_compiling():
        return True
    return not math.isfinite(float(out.sum()))


def _part(mix: Mix, x: Tensor, k: int) -> Tensor:
    made = None if mix.parts is None else mix.parts[k]
    return _take(mix, x, k) if made is None else made.to(x.dtype)


def _take(mix: Mix, x: Tensor, k: int) -> Tensor:
    if k == 0:
        return x
    if mix.shift is not None:
        return torch.roll(x, -mix.shift, 0)
    return x[mix.source[:, k]]  # indexing keeps channels_last, index_select does not


def _blend_pair(
    mix: Mix, x: Tensor, weight: Float[Tensor, "n 1 h w"], of_partner: bool = False
) -> Tensor:
    """The mean of every sample and its partner, with the weight of the sample or of its partner.

    lerp is exact at both ends, which a sum of two products is not in half precision.
    """
    if mix.shift is None or mix.parts is not None or _differentiated(x, weight):
        end, start, share = _part(mix, x, 0), _part(mix, x, 1), weight.to(x.dtype)
        if of_partner:
            end, start = start, end
        out = torch.lerp(start, end, share)
        if _differentiated(x, weight) or not _may_be_broken(out):
            return out
        return _whole_at_the_ends(out, start, end, share)
    out = _lerp_cyclic(x, mix.shift, weight, of_partner)
    if not _may_be_broken(out):
        return out
    end, start = x, _take(mix, x, 1)
    if of_partner:
        end, start = start, end
    return _whole_at_the_ends(out, start, end, weight.to(x.dtype))


def _whole_at_the_ends(out: Tensor, start: Tensor, end: Tensor, share: Tensor) -> Tensor:
    """The mean of two images, of which a weight of 0 or 1 shows one alone: 0 times NaN is NaN."""
    return torch.where(share == 0, start, torch.where(share == 1, end, out))


def _lerp_cyclic(
    x: Tensor, shift: int, weight: Float[Tensor, "n 1 h w"], of_partner: bool
) -> Tensor:
    """:func:`_blend_pair` of a cyclic pairing, without a copy of the partners."""
    out, ends = torch.empty_like(x), (x.shape[0] - shift, shift)
    # the samples whose partner comes later in the batch, then those for whom it starts again; every
    # view and call counts at 32 x 32
    weighed, rest = x.split_with_sizes(ends), x.split_with_sizes(ends[::-1])[::-1]
    if of_partner:
        weighed, rest = rest, weighed
    into = out.split_with_sizes(ends)
    shares = _split(weight, x, ends)
    for k in (0, 1):
        torch.lerp(rest[k], weighed[k], shares[k], out=into[k])
    return out


def _split(
    weight: Float[Tensor, "n 1 h w"], x: Tensor, ends: tuple[int, int]
) -> Sequence[Tensor | float]:
    """The weights of the first and of the last samples, in a form that ``lerp`` takes."""
    if weight.numel() == 1 and x.device.type == "cpu":
        return [weight.item()] * 2  # a tenth faster than a tensor of one element
    weight = weight.to(x.dtype)
    return [weight] * 2 if weight.shape[0] == 1 else weight.split_with_sizes(ends)


def _differentiated(x: Tensor, weight: Tensor) -> bool:
    return (x.requires_grad or weight.requires_grad) and torch.is_grad_enabled()


def _plainly_placed(mix: Mix, x: Tensor) -> bool:
    """Whether boxes can be copied from sample to sample in place, on the CPU."""
    return mix.parts is None and x.device.type == "cpu" and not _differentiated(x, x)


def _small_boxes(mix: Mix, boxes: Boxes, x: Tensor) -> bool:
    """Whether weights are faster than copies: many boxes of small images."""
    small = x[0].numel() <= SMALL and x.is_contiguous() and x.is_floating_point()
    return small and _plainly_placed(mix, x) and (mix.shift is not None or len(boxes.edges) > 1)


def _fill_boxes(mix: Mix, boxes: Boxes, x: Tensor) -> Tensor:
    if not _plainly_placed(mix, x):
        return torch.where(boxes.inside()[:, None], _part(mix, x, 1), _part(mix, x, 0))
    return paste(boxes, x, mix.source[:, 1], mix.shift)


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
