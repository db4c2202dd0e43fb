"""The kinds of jobs: the word in declarations -> the class that declares it.  One module a kind; no
torch."""

from pipelines.plan.job import Job
from pipelines.plan.kinds.attention import AttentionJob
from pipelines.plan.kinds.calibration import CalibrationJob
from pipelines.plan.kinds.detect import DetectJob
from pipelines.plan.kinds.localize import LocalizeJob
from pipelines.plan.kinds.masks import MasksJob
from pipelines.plan.kinds.mixed import MixedJob
from pipelines.plan.kinds.occlusion import OcclusionJob
from pipelines.plan.kinds.robustness import RobustnessJob
from pipelines.plan.kinds.segment import SegmentJob
from pipelines.plan.kinds.train import TrainJob

KINDS: dict[str, type[Job]] = {
    job.kind: job
    for job in (
        *(TrainJob, DetectJob, LocalizeJob, MixedJob, MasksJob),
        *(RobustnessJob, CalibrationJob, OcclusionJob, AttentionJob, SegmentJob),
    )
}

__all__ = [
    "KINDS",
    "AttentionJob",
    "CalibrationJob",
    "DetectJob",
    "LocalizeJob",
    "MasksJob",
    "MixedJob",
    "OcclusionJob",
    "RobustnessJob",
    "SegmentJob",
    "TrainJob",
]
