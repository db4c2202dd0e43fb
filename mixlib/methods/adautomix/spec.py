"""The choices of AdAutoMix, as a dataclass, and its presets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

from mixlib.core.arguments import Count, Positive, Range, Share, check_fields
from mixlib.core.catalog import nearest
from mixlib.core.hyperparameters import changed
from mixlib.core.labels import CrossEntropy, LabelRule
from mixlib.core.policy import Pairing, Scope
from mixlib.methods.automix.mix_block import BlockSpec
from mixlib.methods.automix.schedules import Momentum
from mixlib.methods.automix.teacher import Report, Statistics

SEVERAL = BlockSpec(separate=True, squash="after", upsample="bilinear")


@dataclass(frozen=True)
class AdAutoMixSpec:
    """Every choice of AdAutoMix.

    Args:
        block: the block; its words for pairs (``value``, ``paired``, ``lam_scale``) stay as they
            are.  The released CIFAR configurations have ``embed_lam`` off.
        site, image: as of :class:`mixlib.methods.automix.AutoMixSpec`.
        samples: K, images in a mix.
        alpha: of the law of every lambda, 1 in all released configurations.
        scope, pairing: one set of shares for the "batch" (released) or one per "sample"; how the
            K - 1 partners are drawn, each by itself.
        beta: weight of the adversarial term, against 1 - beta of the cosine (0.3; released for some
            fine-grained sets: 0.5, 0.6).
        cosine: "kept": the block is asked for images that k likens to their sources; "lowered": for
            the contrary (released).
        every: the block is adversarial at every n-th step, and AutoMix' at the others.
        learned: q sees the learned masks; else flat ones, as good as always in the release.
        lam_margin: where the largest share is at least 1 - this, q sees a flat mask.
        flat: share of the images mixed without a mask in q's other term, the rest is the clean
            ones' (0.5).
        momentum, statistics, report, rule: as of :class:`mixlib.methods.automix.AutoMixSpec`.

    Raises:
        ValueError: fewer than two samples, or a block that is one of pairs.

    Example:
        >>> AdAutoMixSpec(samples=4).beta
        0.3
    """

    block: BlockSpec = SEVERAL
    site: str = "stage3"
    image: Count = 64
    samples: Annotated[int, Range(low=2)] = 3
    alpha: Positive = 1.0
    scope: Scope = "batch"
    pairing: Pairing = "permute"
    beta: Share = 0.3
    cosine: Literal["kept", "lowered"] = "kept"
    every: Count = 2
    learned: bool = True
    lam_margin: Share = 0.0
    flat: Share = 0.5
    momentum: Momentum = field(default_factory=Momentum)
    statistics: Statistics = "own"
    report: Report = field(default_factory=Report)
    rule: LabelRule = field(default_factory=CrossEntropy)

    def __post_init__(self) -> None:
        check_fields(self)
        block = self.block
        if block.paired or block.lam_scale is not None or block.value != "own":
            raise ValueError(
                "AdAutoMix's block mixes several images: expected block.value 'own', no "
                f"block.paired and no block.lam_scale, found {block}"
            )
        if self.rule.taps:
            raise ValueError(f"a rule that taps {self.rule.taps} does not work with AdAutoMix")


PRESETS = {
    "paper": AdAutoMixSpec(),
    # CIFAR-100, ResNets
    "released": AdAutoMixSpec(
        block=replace(SEVERAL, embed_lam=False),
        cosine="lowered",
        learned=False,
        momentum=Momentum(end=0.999999, hold=0.1),
    ),
}


def adautomix_spec(params: Mapping[str, Any], rule: LabelRule | None = None) -> AdAutoMixSpec:
    """A preset with some fields changed, as a declaration says it.

    Args:
        params: ``preset`` ("paper" or "released") and any field of :class:`AdAutoMixSpec`; a
            mapping changes fields of the dataclass inside.
        rule: the classification loss.

    Raises:
        KeyError: no such preset.
        TypeError, ValueError: no such field, or fields that contradict each other.

    Example:
        >>> adautomix_spec({"preset": "released", "samples": 2}).cosine
        'lowered'
    """
    changes = {key: value for key, value in params.items() if key != "preset"}
    if rule is not None:
        changes["rule"] = rule
    preset = params.get("preset", "paper")
    if preset not in PRESETS:
        raise KeyError(nearest("AdAutoMix preset", str(preset), PRESETS))
    return changed(PRESETS[preset], changes)
