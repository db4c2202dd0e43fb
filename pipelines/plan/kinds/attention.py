"""Job kind "attention": what a transformer's class token attends to, by layer (TokenMix, Figure
3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from downstream.attention.settings import AttentionSettings
from pipelines.declare.evaluation_schema import ATTENTION
from pipelines.plan.inputs import Data
from pipelines.plan.job import Job
from pipelines.plan.kinds.settings import changed_settings
from pipelines.plan.kinds.train import FIELDS, TrainJob
from pipelines.plan.setting import Setting

METRICS = ("inside", "inside_lower", "inside_middle", "inside_upper", "inside_last", "box")


@dataclass(frozen=True)
class AttentionJob(Job):
    """Measuring how much of the class token's attention falls into the true box.

    Nothing here is drawn at random: two seeds differ in their parents only.

    Attributes:
        parent: the trained classifier, a vision transformer with a class token.
        settings: every setting of the measurement.
    """

    kind = "attention"
    metrics = METRICS

    parent: TrainJob
    settings: AttentionSettings

    @property
    def data(self) -> Data:
        return self.parent.images

    @classmethod
    def build(cls, point: Mapping[str, Any], setting: Setting) -> AttentionJob:
        parent = TrainJob.build(point, setting)
        changes = setting.scale.settings("attention", point["data"])
        return cls(
            parent,
            changed_settings(AttentionSettings(), changes, ATTENTION, setting, "attention setting"),
        )

    def describe(self) -> str:
        p = self.parent
        return (
            f"class-token attention of {p.backbone.name} trained with {p.method.name} on "
            f"{p.images.name}, seed {p.seed}"
        )


__all__ = ["FIELDS", "METRICS", "AttentionJob"]
