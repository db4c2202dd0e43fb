"""TokenMix: blocks of tokens from two images, labeled by what a network attends to in each.

Liu et al., "TokenMix: Rethinking Image Mixing for Data Augmentation in Vision Transformers", ECCV
2022, section 3.3: with maps A of where an image's content is, each summing to one, and the mask M
of the own image, the label is

    y = sum(A_own * M) y_own + sum(A_partner * (1 - M)) y_partner,

two shares that need not sum to one: half an image may show all or nothing of its object.  The maps
are a convolutional teacher's of the true class (the release and the paper's numbers; stored there,
made in training here, :func:`mixlib.models.score_maps.class_maps`), or a network's attention.
OpenMixup exchanges the two sums.

The paper's ablations vary the masks (region, random, block), where the maps come from (another
teacher, saliency, none: labels by area), and what else is mixed in other batches (Mixup in all of
its results, as in DeiT).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from mixlib.core.arguments import Count, Finite, Natural, NotNegative, Positive, Share, checked
from mixlib.core.choice import Choice
from mixlib.core.hyperparameters import IMAGENET, normalized
from mixlib.core.labels import soft_targets
from mixlib.core.lam import Beta, Fixed, LamLaw
from mixlib.core.mask import MaskLaw
from mixlib.core.method import Method
from mixlib.core.mix import Mix, pair
from mixlib.core.net import Net, inference
from mixlib.core.policy import ByLaw, Pairing, PairPolicy, Policy, Scope, grid_of
from mixlib.methods.cutmix import Box
from mixlib.methods.cutmix import cutmix as plain_cutmix
from mixlib.methods.mixup import mixup as plain_mixup
from mixlib.methods.random_tokens import CountedCells
from mixlib.methods.relabel import ReLabel
from mixlib.methods.token_blocks import Blocks
from mixlib.models.attention import attention_map, token_layout
from mixlib.models.score_map_teacher import MapTeacher
from mixlib.models.score_maps import class_maps, whole
from mixlib.models.wrap import wrap
from mixlib.saliency.fine_grained import bytes_of, fine_grained

MaskName = Literal["block", "random", "region"]
LabelName = Literal["attention", "teacher", "saliency", "area", "relabel"]


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


def content_maps(
    scores: Float[Tensor, "B Y h w"], y: Int[Tensor, " B"], grid: int
) -> Float[Tensor, "B g g"]:
    """Where a teacher sees each image's own class, summing to one.

    Args:
        scores: of all classes at every cell of its last map.
        y: the classes.
        grid: cells of the result, down and across.
    """
    # scores below zero speak against the class: they are no content of it
    maps = class_maps(scores.relu(), y, whole(scores), grid)
    # an image in which the teacher sees its class nowhere counts as even
    seen = maps.sum((1, 2), keepdim=True) > 0.5
    return torch.where(seen, maps, 1 / grid**2)


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
        mix = _drawn(self, self.law, z, rng)
        with inference(looking):
            matrix = looking.features(z, self.attention)
        maps = attention_map(matrix, token_layout(looking), (z.shape[-2], z.shape[-1]))
        return scored(mix, F.normalize(maps.flatten(1), p=1, dim=1).view_as(maps))


@dataclass(frozen=True, eq=False)
class TokenMixByTeacher(PairPolicy):
    """TokenMix with the maps of a classifier: where it sees each image's own class.

    Args:
        law: of the masks.
        lam: law of lambda, the share of tokens that stay.
        grid: cells of the maps, down and across.
        teacher: trained on the same classes, see
            :class:`mixlib.models.score_map_teacher.MapTeacher`.
        scope, pairing: see :class:`TokenMix`.
    """

    needs = frozenset({"teacher"})

    law: MaskLaw
    lam: LamLaw
    grid: int
    teacher: MapTeacher | None = None
    scope: Scope = "sample"
    pairing: Pairing = "roll"

    def draw(self, z: Tensor, y: Int[Tensor, " B"], net: Net | None, rng: torch.Generator) -> Mix:
        if self.teacher is None:
            raise ValueError(
                "TokenMix by a teacher's maps needs a network trained on these classes: "
                "teacher=model"
            )
        mix = _drawn(self, self.law, z, rng)
        return scored(mix, content_maps(self.teacher.maps(z), y, self.grid))


@dataclass(frozen=True, eq=False)
class TokenMixBySaliency(PairPolicy):
    """TokenMix with saliency in the place of a teacher's maps (the paper's ablation).

    Args:
        law: of the masks.
        lam: law of lambda, the share of tokens that stay.
        grid: cells of the maps, down and across.
        mean, std: of the normalization that the images went through.
        scope, pairing: see :class:`TokenMix`.
    """

    law: MaskLaw
    lam: LamLaw
    grid: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    scope: Scope = "sample"
    pairing: Pairing = "roll"

    def draw(self, z: Tensor, y: Int[Tensor, " B"], net: Net | None, rng: torch.Generator) -> Mix:
        mix = _drawn(self, self.law, z, rng)
        found = fine_grained(bytes_of(z, self.mean, self.std)).float()
        cells = F.adaptive_avg_pool2d(found[:, None], self.grid)[:, 0]
        # an image of one color has no salient place: all are as good
        even = (cells.sum((1, 2), keepdim=True) == 0).to(cells.dtype)
        return scored(mix, F.normalize((cells + even).flatten(1), p=1, dim=1).view_as(cells))


def _drawn(policy: PairPolicy, law: MaskLaw, z: Tensor, rng: torch.Generator) -> Mix:
    """A mix by one of the law's masks, labels by area."""
    pairs = policy.draw_pairs(len(z), rng)
    own = law.sample(pairs.lam, grid_of(z), rng).float()
    return pair(pairs.partner, own, own.mean((1, 2)), shift=pairs.shift).to(z.device)


@checked
def tokenmix(
    alpha: Positive = 1.0,
    grid: Count = 14,
    teacher: nn.Module | None = None,
    attention: str = "attention",
    scope: Scope = "sample",
    pairing: Pairing = "roll",
    lam: Share | None = None,
    extra: Natural = 0,
    mask: MaskName = "block",
    labels: LabelName = "attention",
    mixup: NotNegative = 0.0,
    cutmix: NotNegative = 0.0,
    switch: Share = 0.5,
    mean: Sequence[Finite] = IMAGENET["mean"],
    std: Sequence[Positive] = IMAGENET["std"],
) -> Policy:
    """TokenMix (Liu et al., ECCV 2022).

    Released: lambda is always 1/2 and 14 tokens are added, one mask per batch, the batch backwards
    as partners.

    Args:
        alpha: lambda ~ Beta(alpha, alpha).
        grid: tokens down and across.
        teacher: a pretrained network: for labels "attention" a transformer (None asks the network
            in training), for "teacher" and "relabel" a classifier of the same classes.
        attention: the site of its attention matrix.
        scope: one mask per "sample" or one for the "batch".
        pairing: see :func:`mixlib.core.policy.partners`.
        lam: a fixed lambda in the place of the Beta law.
        extra: tokens that the partner gets beyond its share.
        mask: "block" (the paper's), "random" tokens, or one "region" (CutMix' box).
        labels: by "attention", "saliency" or "area", by a "teacher"'s maps, or "relabel": the
            teacher's predictions, mixed by area.
        mixup, cutmix: alphas of what is mixed in the other batches; 0: nothing of that kind.
        switch: probability of TokenMix where there are other batches.
        mean, std: of the images' normalization, for "saliency".

    Raises:
        ValueError: no such mask or labels.

    Example:
        >>> from mixlib.models.wrap import wrap
        >>> from timm.models.vision_transformer import VisionTransformer
        >>> net = wrap(VisionTransformer(16, 4, embed_dim=8, depth=1, num_heads=2), attention=True)
        >>> images, labels, rng = torch.zeros(4, 3, 16, 16), torch.arange(4), torch.Generator()
        >>> tokenmix(grid=4).draw(images, labels, net, rng).weight.shape  # shares by attention
        torch.Size([4, 2])
    """
    lams: LamLaw = Beta(alpha) if lam is None else Fixed(lam)
    by_area = ByLaw(_masks(mask, grid, extra), lams, scope, pairing)
    own = _labelled(labels, by_area, grid, teacher, attention, (tuple(mean), tuple(std)))
    others = [
        *([plain_mixup(mixup, scope, pairing)] if mixup else []),
        *([plain_cutmix(cutmix, scope, pairing)] if cutmix else []),
    ]
    if not others:
        return own
    return Choice((own, *others), (switch, *[(1 - switch) / len(others)] * len(others)))


def _labelled(
    labels: LabelName,
    by_area: ByLaw,
    grid: int,
    teacher: nn.Module | None,
    attention: str,
    normalization: tuple[tuple[float, ...], tuple[float, ...]],
) -> Policy:
    """The policy that labels the masks of ``by_area`` by this name."""
    drawn, how = (by_area.law, by_area.lam), (by_area.scope, by_area.pairing)
    if labels == "area":
        return by_area
    if labels == "saliency":
        return TokenMixBySaliency(*drawn, grid, *normalization, *how)
    if labels == "attention":
        return TokenMix(*drawn, None if teacher is None else wrap(teacher), attention, *how)
    maps = None if teacher is None else MapTeacher(teacher)
    if labels == "teacher":
        return TokenMixByTeacher(*drawn, grid, maps, *how)
    if labels == "relabel":
        return ReLabel(by_area, maps)
    raise ValueError(
        f"labels must be attention, teacher, saliency, area or relabel, got {labels!r}"
    )


def _masks(mask: MaskName, grid: int, extra: int) -> MaskLaw:
    """The law of a mask's name."""
    if mask == "block":
        return Blocks((grid, grid), extra)
    if mask == "random":
        return CountedCells((grid, grid), extra or None)
    if mask == "region":
        return Box()
    raise ValueError(f"mask must be block, random or region, got {mask!r}")


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
    normalized({"default": {"alpha": 1.0}, "generated": {"alpha": 1.0, "grid": 8}}),
    frozenset({"attention"}),
    released={"lam": 0.5, "extra": 14, "scope": "batch", "pairing": "reverse"},
)
