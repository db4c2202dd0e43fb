"""Weights in the place of published ones: torchvision's files with random numbers, where its own
loader looks for them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch
from torchvision.models import get_model, get_model_weights

from mixlib.models.backbones import PUBLISHED, backbone
from mixlib.training.checkpoint import save_atomically
from pipelines.plan.job import Job
from pipelines.plan.kinds import TrainJob


def write_published(jobs: Iterable[Job], folder: Path) -> dict[str, str]:
    """The environment of processes that find the weights that these jobs start from; the files are
    written where they are not there yet."""
    names = {
        job.backbone.name
        for job in jobs
        if isinstance(job, TrainJob) and job.weights is not None and job.weights.name == PUBLISHED
    }
    for name in sorted(names):
        model = backbone(name).torchvision
        assert model is not None
        file = get_model_weights(model)["IMAGENET1K_V1"].url.rsplit("/", 1)[1]
        path = folder / "hub" / "checkpoints" / file
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                save_atomically(get_model(model).state_dict(), path)
    return {"TORCH_HOME": str(folder)}
