"""ResizeMix: the whole partner, resized into a box.

Qin et al., "ResizeMix: Mixing Data with Preserved Object Information and True Labels", 2020,
eq. (4)-(6): a scale tau ~ U(0.1, 0.8), a box of sides tau H, tau W around a uniform center, cut at
the border; the partner is resized to what is left of the box, and the label follows its area.  A
CutMix box may hold nothing of the partner's object; this one always does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from mixlib.core.arguments import Positive, Share, checked
from mixlib.core.hyperparameters import alphas
from mixlib.core.lam import Beta, Fixed, LamLaw, Redrawn, Uniform
from mixlib.core.method import Method
from mixlib.core.mix import Boxes, Mix, Move, pair
from mixlib.core.net import Net
from mixlib.core.policy import Pairing, Policy, Scope, draw_pairs
from mixlib.masks.clipped_boxes import OddSide, centers, clipped

Interpolation = Literal["nearest", "bilinear"]


def resized_into(
    x: Shaped[Tensor, "B C H W"],
    partner: Int[Tensor, " B"],
    boxes: Boxes,
    mode: Interpolation = "nearest",
) -> Shaped[Tensor, "B C H W"]:
    """Every partner resized to the sides of its sample's box, lying where the box is.

    Pixel centers are aligned as in ``torch.nn.functional.interpolate`` (no antialiasing). Outside
    the box the values are the nearest ones inside it and mean nothing.

    Args:
        x: float [B, C, H, W].
        partner: int64 [B].
        boxes: one box per sample, or one for all, on the grid H x W; none may run over the border.
        mode: "nearest" or "bilinear".
    """
    height, width = x.shape[-2:]
    low, high, part = zip(
        _taps(boxes.edges[:, 0], boxes.edges[:, 2], height, mode),
        _taps(boxes.edges[:, 1], boxes.edges[:, 3], width, mode),
        strict=True,
    )
    if mode == "nearest":
        return _gathered(x, partner, low[0], low[1])
    down, right = part[0].to(x.dtype)[:, None, :, None], part[1].to(x.dtype)[:, None, None, :]
    top = torch.lerp(
        _gathered(x, partner, low[0], low[1]), _gathered(x, partner, low[0], high[1]), right
    )
    bottom = torch.lerp(
        _gathered(x, partner, high[0], low[1]), _gathered(x, partner, high[0], high[1]), right
    )
    return torch.lerp(top, bottom, down)


def _taps(
    start: Int[Tensor, " n"], extent: Int[Tensor, " n"], length: int, mode: Interpolation
) -> tuple[Int[Tensor, "n L"], Int[Tensor, "n L"], Float[Tensor, "n L"]]:
    """For every position on one axis: the two source positions it reads, and the share of the
    second."""
    extent = extent[:, None].clamp(min=1)  # an empty box covers no pixel, but must not divide by 0
    place = torch.arange(length, device=start.device) - start[:, None]
    place = torch.minimum(place.clamp(min=0), extent - 1)
    if mode == "nearest":
        source = place * length // extent
        return source, source, torch.zeros_like(source, dtype=torch.float32)
    exact = ((place + 0.5) * (length / extent) - 0.5).clamp(min=0)
    low = exact.floor()
    return low.long(), (low.long() + 1).clamp(max=length - 1), exact - low


def _gathered(
    x: Tensor, partner: Tensor, rows: Int[Tensor, "n H"], cols: Int[Tensor, "n W"]
) -> Tensor:
    """x[partner[b], :, rows[b, i], cols[b, j]] in the memory format of ``x``."""
    if x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous():
        return x[partner[:, None, None], :, rows[:, :, None], cols[:, None]].permute(0, 3, 1, 2)
    channel = torch.arange(x.shape[1], device=x.device)[:, None, None]
    return x[partner[:, None, None, None], channel, rows[:, None, :, None], cols[:, None, None]]


@dataclass(frozen=True)
class IntoBox(Move):
    """The move of :func:`resized_into`, by nearest neighbors.

    Example:
        >>> whole = Boxes(torch.tensor([[0, 0, 2, 2]]), (4, 4))
        >>> IntoBox(torch.tensor([0]), whole).scale((4, 4)).tolist()
        [0.25]
    """

    partner: Int[Tensor, " B"]
    boxes: Boxes

    def __call__(self, maps: Shaped[Tensor, "B C H W"]) -> Shaped[Tensor, "B C H W"]:
        return resized_into(maps, self.partner, self.boxes, "nearest")

    def scale(self, size: tuple[int, int]) -> Float[Tensor, " n"]:
        return (1 - self.boxes.share_outside()).float()


@dataclass(frozen=True)
class ResizeBox(Policy):
    """The partner, whole, in a box.

    Args:
        scale: law of tau, the box's sides as a share of the image's.
        mode: interpolation of the resized partner.
        odd: see :func:`mixlib.masks.clipped_boxes.clipped`.
        scope: one box per "sample" or one for the "batch".
        pairing: see :func:`mixlib.core.policy.partners`.
    """

    scale: LamLaw
    mode: Interpolation = "nearest"
    odd: OddSide = "keep"
    scope: Scope = "sample"
    pairing: Pairing = "roll"

    def __post_init__(self) -> None:
        if self.mode not in ("nearest", "bilinear"):
            raise ValueError(f"mode must be nearest or bilinear, got {self.mode!r}")

    def at(self, lam: float) -> Policy:
        """The box takes the partner's share: lambda = 1 - tau^2 where the border cuts nothing."""
        scale = Fixed((1 - lam) ** 0.5)
        return replace(self, scale=scale, scope="batch", pairing="reverse")

    def draw(self, z: Tensor, y: Int[Tensor, " B"], net: Net | None, rng: torch.Generator) -> Mix:
        size = (z.shape[-2], z.shape[-1])
        pairs = draw_pairs(len(z), self.scale, self.scope, self.pairing, rng)
        tau = pairs.lam
        side = (tau[:, None] * torch.tensor(size, device=tau.device)).long()
        boxes = clipped(centers(len(tau), size, rng), side, size, self.odd)
        return placed(z, pairs.partner, boxes, self.mode, pairs.shift)


def placed(
    z: Float[Tensor, "B C H W"],
    partner: Int[Tensor, " B"],
    boxes: Boxes,
    mode: Interpolation,
    shift: int | None = None,
) -> Mix:
    """The mix for given partners and boxes: label weights by area, the resized partner as part
    1."""
    mix = pair(partner, boxes, boxes.share_outside(), shift=shift).to(z.device)
    assert isinstance(mix.mask, Boxes)
    content = resized_into(z, mix.source[:, 1], mix.mask, mode)
    moves = (None, IntoBox(mix.source[:, 1], mix.mask))
    return Mix(mix.source, mix.weight, mix.mask, mix.shift, (None, content), moves=moves)


@checked
def resizemix(
    alpha: Positive | None = None,
    low: Share = 0.1,
    high: Share = 0.8,
    mode: Interpolation = "nearest",
    scope: Scope = "sample",
    pairing: Pairing = "roll",
    odd: OddSide = "keep",
) -> Policy:
    """ResizeMix (Qin et al., 2020): the whole partner, resized into a box.

    Released: one box per batch, odd sides lose a cell, partners by permutation.

    Args:
        alpha: None draws the scale tau uniformly on [low, high]; a number draws it from Beta(alpha,
            alpha), and again uniformly where it leaves [low, high] (OpenMixup's rule, behind the
            AutoMix paper's numbers; alpha = 1 changes nothing).
        low, high: range of tau.
        mode: interpolation of the resized partner.
        scope: one box per "sample" or one for the "batch".
        pairing: see :func:`mixlib.core.policy.partners`.
        odd: "drop" takes a cell off boxes of odd sides.

    Example:
        >>> images, labels = torch.zeros(4, 3, 8, 8), torch.arange(4)
        >>> rng = torch.Generator().manual_seed(0)
        >>> mix = resizemix().draw(images, labels, None, rng)
        >>> mix.parts[1].shape  # the partners, resized into the boxes
        torch.Size([4, 3, 8, 8])
    """
    scale = Uniform(low, high) if alpha is None else Redrawn(Beta(alpha), low, high)
    return ResizeBox(scale, mode, odd, scope, pairing)


ROW = Method(
    "resizemix",
    "ResizeMix",
    "resizemix",
    "Qin et al., ResizeMix: Mixing Data with Preserved Object Information and True Labels, "
    "2020, arXiv:2012.11101",
    2020,
    {**alphas(1.0, cifar=1.0, large=1.0, fine=1.0), "default": {"alpha": None}},
    released={"odd": "drop", "scope": "batch", "pairing": "permute"},
)
