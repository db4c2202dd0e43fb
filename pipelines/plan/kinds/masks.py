"""Job kind "masks": have the masks of a trained method shape, and do they follow lambda?

AutoMix' masks may collapse: every pixel takes the same share (Mixup's mask), or the share does not
depend on lambda.  No number of the paper says so, its Figures 6 and 7 show it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.declare.errors import DeclarationError
from pipelines.declare.mapping import without
from pipelines.plan.kinds.measurement import OfTraining
from pipelines.plan.kinds.train import FIELDS, TrainJob
from pipelines.plan.setting import Setting

LAMS = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Lambdas at which masks are looked at."""


@dataclass(frozen=True)
class MasksJob(OfTraining):
    """Looking at a method's masks of test images.

    Attributes:
        parent: the training whose method mixes.
        after: as it was after so many of the parent's epochs, one of its snapshots; None: at the
            end, which is also what a moment becomes that a shortened training does not reach.
        pairs: test images that are mixed, each with another.
        seed: of the draws; the parent's too.
    """

    kind = "masks"
    metrics = (
        *("mask_spread", "mask_shaped", "mask_lambda", "mask_lambda_of_pair"),
        "mask_rising",
    )

    parent: TrainJob
    after: int | None
    pairs: int
    seed: int

    def __post_init__(self) -> None:
        if self.after not in self.parent.snapshots:
            object.__setattr__(self, "after", None)

    @classmethod
    def build(cls, point: Mapping[str, Any], setting: Setting) -> MasksJob:
        setting.check(point, (*FIELDS, "after", "pairs"), ("data", "method"))
        parent = TrainJob.build(without(point, "after", "pairs"), setting)
        after, kept = point.get("after"), point.get("snapshots", ())
        if after is not None and after not in kept:
            raise DeclarationError(
                f"{setting.at('after')}: after: expected one of the snapshots, "
                f"{', '.join(map(str, kept)) or 'none'}, found {after}"
            )
        return cls(parent, after, point.get("pairs", 256), setting.seed)

    def describe(self) -> str:
        p = self.parent
        when = "the end" if self.after is None else f"epoch {self.after}"
        return (
            f"masks of {p.method.name} with {p.backbone.name} on {p.images.name} at {when}, "
            f"{self.pairs} pairs, seed {self.seed}"
        )
