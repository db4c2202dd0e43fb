"""Job kind "attention": what a transformer's class token attends to, by layer (TokenMix, Figure
3)."""

from __future__ import annotations

from dataclasses import dataclass

from downstream.attention.settings import AttentionSettings
from pipelines.declare.evaluation_schema import ATTENTION
from pipelines.plan.kinds.measurement import Measurement
from pipelines.plan.kinds.train import FIELDS, TrainJob

METRICS = ("inside", "inside_lower", "inside_middle", "inside_upper", "inside_last", "box")


@dataclass(frozen=True)
class AttentionJob(Measurement):
    """Measuring how much of the class token's attention falls into the true box.

    Nothing here is drawn at random: two seeds differ in their parents only.

    Attributes:
        parent: the trained classifier, a vision transformer with a class token.
        settings: every setting of the measurement.
    """

    kind = "attention"
    metrics = METRICS
    protocol = AttentionSettings()
    known = ATTENTION

    parent: TrainJob
    settings: AttentionSettings

    def describe(self) -> str:
        p = self.parent
        return (
            f"class-token attention of {p.backbone.name} trained with {p.method.name} on "
            f"{p.images.name}, seed {p.seed}"
        )


__all__ = ["FIELDS", "METRICS", "AttentionJob"]
