"""The kinds of jobs: the word in declarations -> the class that declares it.  One module a kind; no
torch."""

from pipelines.plan.job import Job
from pipelines.plan.kinds.detect import DetectJob
from pipelines.plan.kinds.localize import LocalizeJob
from pipelines.plan.kinds.mixed import MixedJob
from pipelines.plan.kinds.train import TrainJob

KINDS: dict[str, type[Job]] = {
    job.kind: job for job in (TrainJob, DetectJob, LocalizeJob, MixedJob)
}

__all__ = ["KINDS", "DetectJob", "LocalizeJob", "MixedJob", "TrainJob"]
