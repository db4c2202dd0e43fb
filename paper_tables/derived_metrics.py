"""Metrics that follow from a job and its result without having been measured: hours of training,
operations of a forward pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Protocol

from mixlib.data.augmentations import Augment
from mixlib.data.catalog import DATASETS
from pipelines.plan.job import Job
from pipelines.plan.kinds import TrainJob

SECONDS_PER_HOUR = 3600.0


class Results(Protocol):
    """Where the results of jobs can be read."""

    def read(self, job: Job) -> dict[str, Any]:
        """The finished result of a job."""


def hours(job: Job, results: Results) -> float:
    """Hours in the training's steps, over all attempts, as measured."""
    return float(results.read(job)["seconds"]) / SECONDS_PER_HOUR


def teacher_top1(job: Job, results: Results) -> float:
    """Top-1 accuracy of the teacher that the training asked.

    Raises:
        TypeError: it asked none.
    """
    if not isinstance(job, TrainJob) or job.teacher is None:
        raise TypeError(f"expected a training with a teacher, found: {job.describe()}")
    return float(results.read(job.teacher)["metrics"]["top1"])


def gmacs(job: Job, results: Results) -> float:
    """Billions of multiply-adds of one image's forward pass through the job's network: what papers
    on vision transformers call FLOPs.  Convolutions and matrix products are counted."""
    if not isinstance(job, TrainJob):
        raise TypeError(f"expected a training, found {job.kind}")
    size = Augment(**dict(job.augment)).input_size
    return _gmacs(job.backbone.name, DATASETS[job.images.name].classes or 10, size)


@cache
def _gmacs(backbone: str, classes: int, size: int) -> float:
    import torch

    from mixlib.counting.operations import operations
    from mixlib.models.backbones import build

    model = build(backbone, classes, seed=0).eval()
    x = torch.zeros(1, 3, size, size)
    with torch.no_grad():
        return operations(lambda: model(x)) / 2 / 1e9


DERIVED: Mapping[str, Callable[[Job, Results], float]] = {
    "hours": hours,
    "gmacs": gmacs,
    "teacher_top1": teacher_top1,
}
"""Metric -> (job, results) -> its value."""
