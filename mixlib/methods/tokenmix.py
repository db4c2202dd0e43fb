"""TokenMix: blocks of tokens from two images, labeled by what a network attends to in each.

Liu et al., "TokenMix: Rethinking Image Mixing for Data Augmentation in Vision Transformers", ECCV
2022, section 3.3: with maps A of where an image's content is, each summing to one, and the mask M
of the own image, the label is

    y = sum(A_own * M) y_own + sum(A_partner * (1 - M)) y_partner,

two shares that need not sum to one: half an image may show all or nothing of its object.  The paper
takes the attention of a pretrained transformer; the release takes stored maps of the true class
from a convolutional teacher (:func:`mixlib.models.score_maps.class_maps`).  OpenMixup exchanges the
two sums.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from mixlib.core.arguments import Count, Natural, Positive, Share, checked
from mixlib.core.labels import soft_targets
from mixlib.core.lam import Beta, Fixed, LamLaw
from mixlib.core.mask import MaskLaw
from mixlib.core.method import Method
from mixlib.core.mix import Mix, pair
from mixlib.core.net import Net, inference
from mixlib.core.policy import Pairing, PairPolicy, Policy, Scope, grid_of
from mixlib.methods.token_blocks import Blocks
from mixlib.models.attention import attention_map, token_layout


def scored(mix: Mix, maps: Float[Tensor, "B g k"]) -> Mix:
    """The same mix with label shares by content.

    Args:
        mix: of pixels; its mask is averaged over the maps' cells.
        maps: where every *clean* image of the batch has its content, each summing to one.
    """
    mask = mix.dense((maps.shape[1], maps.shape[2])).to(maps.dtype)
    return replace(mix, weight=(mask * maps[mix.source]).sum((2, 3)))


def released_targets(
    mix: Mix, y: Int[Tensor, " B"], classes: int, smoothing: float
) -> Float[Tensor, "B Y"]:
    """TokenMix's smoothed targets as released: half of the smoothing is taken from either share,
    however small it is, so entries may fall below zero."""
    rows = soft_targets(mix, y, classes)
    ones = torch.full_like(mix.weight, 0.5)
    taken = soft_targets(replace(mix, weight=ones), y, classes)
    return rows + smoothing * (1 / classes - taken)


@dataclass(frozen=True, eq=False)
class TokenMix(PairPolicy):
    """TokenMix.

    Args:
        law: of the masks.
        lam: law of lambda, the share of tokens that stay.
        teacher: a transformer with an attention site; None asks the network in training itself.
        attention: the site of its attention matrix, see
            :func:`mixlib.models.attention.last_attention`.
        scope: one mask per "sample" or one for the "batch".
        pairing: see :func:`mixlib.core.policy.partners`.
    """

    needs = frozenset({"attention"})

    law: MaskLaw
    lam: LamLaw
    teacher: Net | None = None
    attention: str = "attention"
    scope: Scope = "sample"
    pairing: Pairing = "roll"

    def draw(self, z: Tensor, y: Int[Tensor, " B"], net: Net | None, rng: torch.Generator) -> Mix:
        looking = self.teacher or net
        if looking is None:
            raise ValueError("TokenMix needs a teacher, or the net in training")
        pairs = self.draw_pairs(len(z), rng)
        own = self.law.sample(pairs.lam, grid_of(z), rng).float()
        mix = pair(pairs.partner, own, own.mean((1, 2)), shift=pairs.shift).to(z.device)
        with inference(looking):
            matrix = looking.features(z, self.attention)
        maps = attention_map(matrix, token_layout(looking), (z.shape[-2], z.shape[-1]))
        return scored(mix, F.normalize(maps.flatten(1), p=1, dim=1).view_as(maps))


@checked
def tokenmix(
    alpha: Positive = 1.0,
    grid: Count = 14,
    teacher: Net | None = None,
    attention: str = "attention",
    scope: Scope = "sample",
    pairing: Pairing = "roll",
    lam: Share | None = None,
    extra: Natural = 0,
) -> Policy:
    """TokenMix (Liu et al., ECCV 2022).

    Released: lambda is always 1/2 and 14 tokens are added, one mask per batch, the batch backwards
    as partners.

    Args:
        alpha: lambda ~ Beta(alpha, alpha).
        grid: tokens down and across.
        teacher: a pretrained transformer; None asks the network in training.
        attention: the site of its attention matrix.
        scope: one mask per "sample" or one for the "batch".
        pairing: see :func:`mixlib.core.policy.partners`.
        lam: a fixed lambda in the place of the Beta law.
        extra: tokens that the partner gets beyond its share.

    Example:
        >>> from mixlib.models.wrap import wrap
        >>> from timm.models.vision_transformer import VisionTransformer
        >>> model = VisionTransformer(16, 4, embed_dim=8, depth=1, num_heads=2, num_classes=4)
        >>> net = wrap(model, attention=True)
        >>> images, labels = torch.zeros(4, 3, 16, 16), torch.arange(4)
        >>> rng = torch.Generator().manual_seed(0)
        >>> mix = tokenmix(grid=4).draw(images, labels, net, rng)
        >>> mix.weight.shape  # shares by attention
        torch.Size([4, 2])
    """
    law = Beta(alpha) if lam is None else Fixed(lam)
    return TokenMix(Blocks((grid, grid), extra), law, teacher, attention, scope, pairing)


_CITE = (
    "Liu et al., TokenMix: Rethinking Image Mixing for Data Augmentation in Vision Transformers, "
    "ECCV 2022, arXiv:2207.08409"
)

ROW = Method(
    "tokenmix",
    "TokenMix",
    "tokenmix",
    _CITE,
    2022,
    {"default": {"alpha": 1.0}, "generated": {"alpha": 1.0, "grid": 8}},
    frozenset({"attention"}),
    released={"lam": 0.5, "extra": 14, "scope": "batch", "pairing": "reverse"},
)
