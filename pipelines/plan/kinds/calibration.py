"""Job kind "calibration": confidences of a classifier against its accuracy (AutoMix, Figure 8)."""

from __future__ import annotations

from dataclasses import dataclass

from downstream.calibration.settings import CalibrationSettings
from pipelines.declare.evaluation_schema import CALIBRATION
from pipelines.plan.kinds.measurement import Measurement
from pipelines.plan.kinds.train import FIELDS, TrainJob

MEASURES = ("accuracy", "confidence", "gap", "ece", "mce", "ece_automix", "nll", "brier")
METRICS = (
    *MEASURES,
    *("bins", "bins_automix", "n", "temperature", "fitted_on"),
    *(f"{name}_{when}" for when in ("before", "after") for name in MEASURES),
)


@dataclass(frozen=True)
class CalibrationJob(Measurement):
    """Measuring one classifier's confidences.

    Attributes:
        parent: the trained classifier.
        settings: every setting of the measurement.
    """

    kind = "calibration"
    metrics = METRICS
    protocol = CalibrationSettings()
    known = CALIBRATION

    parent: TrainJob
    settings: CalibrationSettings

    def describe(self) -> str:
        p = self.parent
        return (
            f"calibration of {p.backbone.name} trained with {p.method.name} on {p.images.name}, "
            f"seed {p.seed}: {self.settings.bins} bins"
        )


__all__ = ["FIELDS", "METRICS", "CalibrationJob"]
