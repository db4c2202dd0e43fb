"""TransMix: label shares by the attention that a transformer pays to each source.

Chen et al., "TransMix: Attend to Mix for Vision Transformers", CVPR 2022, eq. (5)-(6): the label
share of a source is the attention that the class token pays to its patches, in the very forward
pass that is trained; the mask itself does not change.  As released, that share is averaged with the
area's: ``area=0.5``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from mixlib.core.arguments import Share, checked
from mixlib.core.finite import even_if_broken
from mixlib.core.hyperparameters import same
from mixlib.core.labels import CrossEntropy, LabelRule
from mixlib.core.method import Method
from mixlib.core.mix import Boxes, Mix
from mixlib.core.net import Net
from mixlib.models.attention import TokenLayout, class_attention, token_layout


def attended_shares(mix: Mix, attention: Float[Tensor, "B h w"]) -> Float[Tensor, "B K"]:
    """Share of a sample's attention that falls on each of its sources.

    Masks are brought to the grid of patches by nearest neighbors, as in the paper.

    Args:
        mix: of the images.
        attention: of every patch.
    """
    mask = mix.dense().to(attention.dtype)
    if mask.shape[-2:] != (1, 1):
        mask = F.interpolate(mask, attention.shape[1:], mode="nearest")
    grid = attention[:, None]
    return (mask * grid).sum((2, 3)) / grid.sum((2, 3))


@dataclass(frozen=True)
class TransMix(LabelRule):
    """Another rule's loss, with label shares by attention.

    Args:
        rule: the loss.
        area: share of the mix's own weights; 0 is the paper's definition, 0.5 the release.
        site: where the attention matrix is, see :func:`last_attention`.
        layout: of the network's tokens; an objective fills it in, see :meth:`bound`.
    """

    rule: LabelRule = field(default_factory=CrossEntropy)
    area: float = 0.0
    site: str = "attention"
    layout: TokenLayout = field(default_factory=TokenLayout)

    def bound(self, net: Net) -> TransMix:
        return replace(self, rule=self.rule.bound(net), layout=token_layout(net))

    @property
    def taps(self) -> tuple[str, ...]:  # type: ignore[override]
        return (*self.rule.taps, self.site)

    def __call__(
        self,
        mix: Mix,
        logits: Float[Tensor, "B Y"],
        seen: Mapping[str, Tensor],
        y: Int[Tensor, " B"],
    ) -> Float[Tensor, ""]:
        row = class_attention(seen[self.site], self.layout.prefix)
        return self.rule(self.reweighted(mix, row), logits, seen, y)

    def reweighted(self, mix: Mix, attention: Float[Tensor, "B N"]) -> Mix:
        """The same mix with weights by attention (mixed with the area's share); a mask without a
        shape leaves them as they are.

        Args:
            mix: of the images.
            attention: of the class token to the patches, in row order.

        Raises:
            ValueError: the patches are not those of the images.
        """
        h, w = mix.mask.size if isinstance(mix.mask, Boxes) else mix.mask.shape[-2:]
        if (h, w) == (1, 1):
            return mix
        grid = self.layout.grid_of(attention.shape[1], (h, w))
        shares = attended_shares(mix, even_if_broken(attention.unflatten(1, grid)))
        return replace(mix, weight=torch.lerp(shares, mix.weight, self.area))


@checked
def transmix(rule: LabelRule | None = None, area: Share = 0.0) -> TransMix:
    """TransMix' labels (Chen et al., CVPR 2022) over another rule's loss.

    Released: half of every label share is by attention, half by area.

    Args:
        rule: the loss; cross-entropy by default.
        area: share of the area in the label, the rest is attention.

    Example:
        >>> transmix(area=0.5).taps
        ('attention',)
    """
    return TransMix(rule or CrossEntropy(), area)


ROW = Method(
    "transmix",
    "TransMix",
    "mixlib.methods.stochastic:stochastic",
    "Chen et al., TransMix: Attend to Mix for Vision Transformers, CVPR 2022, arXiv:2111.09833",
    2022,
    same(mixup=0.8, cutmix=1.0, switch=0.8, mode="batch"),
    frozenset({"attention"}),
    released={"mode": "batch", "pairing": "reverse", "area": 0.5},
    rule="transmix",
    rule_params=("area",),
)
