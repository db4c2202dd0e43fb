"""Job kind "occlusion": accuracy as patches are dropped (TokenMix, Figure 4)."""

from __future__ import annotations

from dataclasses import dataclass

from downstream.robustness.occlusion_settings import TENTHS, WHICH, OcclusionProtocol
from pipelines.declare.evaluation_schema import OCCLUSION
from pipelines.plan.kinds.measurement import Measurement
from pipelines.plan.kinds.train import FIELDS, TrainJob


def metric(which: str, ratio: float) -> str:
    """Name of the accuracy of one curve at one ratio.

    Example:
        >>> metric("random", 0.5)
        'random_50'
    """
    return f"{which}_{100 * ratio:g}"


METRICS = (
    *(metric(which, ratio) for which in WHICH for ratio in TENTHS),
    *(f"{which}_mean" for which in WHICH),
)


@dataclass(frozen=True)
class OcclusionJob(Measurement):
    """Measuring one classifier on images with dropped patches.

    Attributes:
        parent: the trained classifier.
        settings: every setting of the measurement.
    """

    kind = "occlusion"
    metrics = METRICS
    protocol = OcclusionProtocol()
    known = OCCLUSION

    parent: TrainJob
    settings: OcclusionProtocol

    def describe(self) -> str:
        p, s = self.parent, self.settings
        return (
            f"occlude patches of {s.patch} pixels ({', '.join(s.which)}) before {p.backbone.name} "
            f"trained with {p.method.name} on {p.images.name}, seed {p.seed}"
        )


__all__ = ["FIELDS", "METRICS", "OcclusionJob", "metric"]
