"""Job kind "calibration": confidences of a classifier against its accuracy (AutoMix, Figure 8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from downstream.calibration.settings import CalibrationSettings
from pipelines.declare.evaluation_schema import CALIBRATION
from pipelines.plan.inputs import Data
from pipelines.plan.job import Job
from pipelines.plan.kinds.settings import changed_settings
from pipelines.plan.kinds.train import FIELDS, TrainJob
from pipelines.plan.setting import Setting

MEASURES = ("accuracy", "confidence", "gap", "ece", "mce", "ece_automix", "nll", "brier")
METRICS = (
    *MEASURES,
    *("bins", "bins_automix", "n", "temperature", "fitted_on"),
    *(f"{name}_{when}" for when in ("before", "after") for name in MEASURES),
)


@dataclass(frozen=True)
class CalibrationJob(Job):
    """Measuring one classifier's confidences.

    Attributes:
        parent: the trained classifier.
        settings: every setting of the measurement.
    """

    kind = "calibration"
    metrics = METRICS

    parent: TrainJob
    settings: CalibrationSettings

    @property
    def data(self) -> Data:
        return self.parent.images

    @classmethod
    def build(cls, point: Mapping[str, Any], setting: Setting) -> CalibrationJob:
        parent = TrainJob.build(point, setting)
        changes = setting.scale.settings("calibration", point["data"])
        return cls(
            parent,
            changed_settings(
                CalibrationSettings(), changes, CALIBRATION, setting, "calibration setting"
            ),
        )

    def describe(self) -> str:
        p = self.parent
        return (
            f"calibration of {p.backbone.name} trained with {p.method.name} on {p.images.name}, "
            f"seed {p.seed}: {self.settings.bins} bins"
        )


__all__ = ["FIELDS", "METRICS", "CalibrationJob"]
