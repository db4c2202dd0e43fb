"""Which kinds of job are there?  Catalog: the word in declarations -> its class.  One module per
kind."""

from pipelines.job import Job
from pipelines.kinds.detect import DetectJob
from pipelines.kinds.localize import LocalizeJob
from pipelines.kinds.mixed import MixedJob
from pipelines.kinds.train import TrainJob

KINDS: dict[str, type[Job]] = {
    job.kind: job for job in (TrainJob, DetectJob, LocalizeJob, MixedJob)
}

__all__ = ["KINDS", "DetectJob", "LocalizeJob", "MixedJob", "TrainJob"]
