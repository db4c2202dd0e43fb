"""Job kind "mixed": recognition of both sources in mixed samples (AutoMix, Figure 4, right).

Top-1 and top-2 accuracy of mixed data.  The paper does not say on which
samples; here it is the test set, mixed by the trained method as in training, and recognized by the
network that the method reports.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.declare.mapping import without
from pipelines.plan.kinds.measurement import OfTraining
from pipelines.plan.kinds.train import FIELDS, TrainJob
from pipelines.plan.setting import Setting


@dataclass(frozen=True)
class MixedJob(OfTraining):
    """Recognizing mixed samples.

    Attributes:
        parent: the training whose method mixes and whose classifier recognizes.
        rounds: how often every test image is mixed.
        seed: of the draws; the parent's too.
    """

    kind = "mixed"
    metrics = ("mixed_top1", "mixed_top2")

    parent: TrainJob
    rounds: int
    seed: int

    @classmethod
    def build(cls, point: Mapping[str, Any], setting: Setting) -> MixedJob:
        setting.check(point, (*FIELDS, "rounds"), ("data", "method"))
        return cls(
            TrainJob.build(without(point, "rounds"), setting), point.get("rounds", 4), setting.seed
        )

    def describe(self) -> str:
        p = self.parent
        return (
            f"recognize {p.images.name} mixed by {p.method.name} with the {p.backbone.name} "
            f"trained on it, {self.rounds} rounds, seed {self.seed}"
        )
