"""Weights in the place of published ones: files of random numbers where the libraries' own loaders
look for them, so that nothing is downloaded and every step of the loading is gone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import timm
import torch
from torchvision.models import get_model, get_model_weights

from mixlib.training.checkpoint import save_atomically
from mixlib.whole_files import write_whole
from pipelines.plan.inputs import Row
from pipelines.plan.job import Job
from pipelines.plan.kinds import TrainJob

REVISION = "0" * 40
"""Commit of a stand-in on the hub, which timm's loader asks."""


def published(job: Job) -> Row | None:
    """The library's weights that a training starts from; None: none, or a file's."""
    found = job.weights if isinstance(job, TrainJob) else None
    return found if found is not None and found.name in WRITERS else None


def write_published(jobs: Iterable[Job], folder: Path) -> dict[str, str]:
    """The environment of processes that find the weights that these jobs start from; the files are
    written where they are not there yet."""
    wanted = {row for job in jobs if (row := published(job)) is not None}
    for row in sorted(wanted, key=repr):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            WRITERS[row.name](**dict(row.params), folder=folder)
    return {
        "TORCH_HOME": str(folder / "torch"),
        "HF_HUB_CACHE": str(folder / "hub"),
        "HF_HUB_OFFLINE": "1",
    }


def write_torchvision(model: str, version: str, folder: Path) -> None:
    """A file of torchvision's, in torch's cache."""
    name = get_model_weights(model)[version].url.rsplit("/", 1)[1]
    path = folder / "torch" / "hub" / "checkpoints" / name
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        save_atomically(get_model(model).state_dict(), path)


def write_timm(model: str, version: str, folder: Path) -> None:
    """A file of timm's, in the cache of the hub that it asks."""
    root = folder / "hub" / f"models--timm--{model}.{version}"
    path = root / "snapshots" / REVISION / "pytorch_model.bin"
    if not path.is_file():
        state = timm.create_model(f"{model}.{version}", pretrained=False).state_dict()
        path.parent.mkdir(parents=True, exist_ok=True)
        save_atomically(state, path)
        write_whole(root / "refs" / "main", REVISION, durable=False)


WRITERS = {"torchvision": write_torchvision, "timm": write_timm}
"""Library -> what writes its file; called with the parameters of a job's weights."""
