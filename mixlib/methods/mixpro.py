"""MixPro: masks of large cells, and labels that trust attention as far as the network is right.

Zhao et al., "MixPro: Data Augmentation with MaskMix and Progressive Attention Labeling for Vision
Transformer", ICLR 2023: an image is masked by square cells, several tokens wide, of which
ceil(n lambda) stay; the label share is

    lambda = a lambda_attention + (1 - a) lambda_area,

a the cosine between the mixed (smoothed) label by area and the network's prediction, and
lambda_attention the share of the class token's attention, both without gradient.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from mixlib.core.arguments import Count, Positive, checked
from mixlib.core.labels import CrossEntropy, LabelRule, soft_targets
from mixlib.core.lam import Beta
from mixlib.core.mask import Laws, MaskLaw
from mixlib.core.method import Method
from mixlib.core.mix import Mix
from mixlib.core.net import Net
from mixlib.core.policy import ByLaw, Pairing, Policy, Scope
from mixlib.methods.transmix import TransMix
from mixlib.models.attention import class_attention


@dataclass(frozen=True)
class MaskedCells(MaskLaw):
    """Square cells of which ceil(n lambda), anywhere, keep the own image; the grid begins at the
    top left, and the border cuts the last row and column.

    Args:
        cell: side of a cell in pixels (64 at 224 pixels: 4 x 4 cells, the last ones half).

    Raises:
        ValueError: an empty cell.

    Example:
        >>> rng = torch.Generator().manual_seed(0)
        >>> float(MaskedCells(4).sample(torch.tensor([0.5]), (8, 8), rng).mean())
        0.5
    """

    cell: int = 64

    def __post_init__(self) -> None:
        if self.cell < 1:
            raise ValueError(f"expected cells of at least one pixel, found {self.cell}")

    def draw(
        self, lam: Float[Tensor, " n"], size: tuple[int, int], rng: torch.Generator
    ) -> Float[Tensor, "n h w"]:
        rows, cols = (math.ceil(length / self.cell) for length in size)
        unit = torch.rand(
            len(lam), rows * cols, generator=rng, device=rng.device, dtype=torch.float64
        )
        return self.pixels(lam, unit.argsort(1), size)

    def pixels(
        self, lam: Float[Tensor, " n"], order: Int[Tensor, "n cells"], size: tuple[int, int]
    ) -> Float[Tensor, "n h w"]:
        """The mask where the first ceil(n lambda) cells of an order stay."""
        rows, cols = (math.ceil(length / self.cell) for length in size)
        # a product that rounding lifts above a whole number is that number
        count = (lam.double() * rows * cols - 1e-9).ceil()
        rank = order.argsort(1)
        own = (rank < count[:, None]).to(lam.dtype).view(-1, rows, cols)
        whole = own.repeat_interleave(self.cell, 1).repeat_interleave(self.cell, 2)
        return whole[:, : size[0], : size[1]]


@dataclass(frozen=True)
class ProgressiveAttention(LabelRule):
    """Another rule's loss, with label shares between area and attention.

    Args:
        rule: the loss.
        smoothing: of the label that the prediction is compared with.
        transmix: the share by attention; an objective binds it to its network.

    Example:
        >>> ProgressiveAttention().taps
        ('attention',)
    """

    rule: LabelRule = field(default_factory=CrossEntropy)
    smoothing: float = 0.1
    transmix: TransMix = field(default_factory=TransMix)

    @property
    def taps(self) -> tuple[str, ...]:  # type: ignore[override]
        return (*self.rule.taps, *self.transmix.taps)

    def bound(self, net: Net) -> ProgressiveAttention:
        return replace(self, rule=self.rule.bound(net), transmix=self.transmix.bound(net))

    def __call__(
        self,
        mix: Mix,
        logits: Float[Tensor, "B Y"],
        seen: Mapping[str, Tensor],
        y: Int[Tensor, " B"],
    ) -> Float[Tensor, ""]:
        row = class_attention(seen[self.transmix.site], self.transmix.layout.prefix)
        attended = self.transmix.reweighted(mix, row).weight
        trust = self.trust(mix, logits, y)
        weight = torch.lerp(mix.weight, attended.to(mix.weight.dtype), trust[:, None])
        return self.rule(replace(mix, weight=weight), logits, seen, y)

    def trust(
        self, mix: Mix, logits: Float[Tensor, "B Y"], y: Int[Tensor, " B"]
    ) -> Float[Tensor, " B"]:
        """How far attention counts: the cosine of prediction and label by area, 0 where either is
        not finite."""
        label = soft_targets(mix, y, logits.shape[1], self.smoothing)
        cosine = F.cosine_similarity(label, logits.detach().float().softmax(1), dim=1)
        return torch.nan_to_num(cosine, 0.0, 0.0, 0.0).to(mix.weight.dtype)


@checked
def mixpro(
    alpha: Positive = 1.0, cell: Count = 64, scope: Scope = "sample", pairing: Pairing = "roll"
) -> Policy:
    """MixPro's images (Zhao et al., ICLR 2023), MaskMix.

    Released: partners by permutation; its one lambda per batch, under masks of their own, has no
    switch.

    Args:
        alpha: lambda ~ Beta(alpha, alpha).
        cell: side of a cell in pixels, several tokens wide.
        scope: one lambda per "sample" or one for the "batch".
        pairing: see :func:`mixlib.core.policy.partners`.

    Example:
        >>> rng = torch.Generator().manual_seed(0)
        >>> mixpro(cell=4).draw(torch.zeros(4, 3, 8, 8), torch.arange(4), None, rng).mask.shape
        torch.Size([4, 2, 8, 8])
    """
    return ByLaw(MaskedCells(cell), Beta(alpha), scope, pairing)


LAWS: Laws = {"mixpro": lambda size: MaskedCells(max(1, min(size) // 4))}

ROW = Method(
    "mixpro",
    "MixPro",
    "mixpro",
    "Zhao et al., MixPro: Data Augmentation with MaskMix and Progressive Attention Labeling for "
    "Vision Transformer, ICLR 2023, arXiv:2304.12043",
    2023,
    {"default": {"alpha": 1.0}, "generated": {"alpha": 1.0, "cell": 16}},
    frozenset({"attention"}),
    released={"pairing": "permute"},
    rule="ProgressiveAttention",
)
