"""The trainings behind ``python -m pipelines.selftest``, and their bits.

Small generated images are drawn, and two trainings run as the demo's jobs do (CutMix; AutoMix,
whose steps amplify any difference).  What they measured and their weights are hashed.
"""

from __future__ import annotations

import hashlib
import json
import platform
import tempfile
from contextlib import chdir
from pathlib import Path

import torch

from mixlib.data.catalog import dataset
from pipelines.data import datasets, places
from pipelines.data.fingerprints import specify
from pipelines.declare.scale import Scale
from pipelines.execute.context import WEIGHTS
from pipelines.execute.perform import perform
from pipelines.execute.store import Store
from pipelines.plan.kinds import TrainJob
from pipelines.plan.setting import Setting

METHODS = ("cutmix", "automix")
DATA = {"train": 200, "val": 50, "size": 32}
RECIPE = {
    "augmentation": {"size": 32, "crop": "none", "flip": 0.5, "test_ratio": 0.0},
    "epochs": 3,
    "batch": 50,
    "shards": 1,
}
SCALE = Scale(
    name="selftest",
    title="selftest",
    note="two short trainings on generated images, for their bits alone.",
    seeds=1,
    portable=True,
    family="generated",
    data={"cifar10": {"name": "shapes", "spec": DATA}},
    backbones={"resnet18_cifar": "resnet10_w16"},
    kinds={"train": {"default": RECIPE}},
)


def training(method: str) -> TrainJob:
    """The short training with a method of the catalog."""
    point = {"data": "cifar10", "backbone": "resnet18_cifar", "recipe": "cifar", "method": method}
    return TrainJob.build(point, Setting("selftest", SCALE, 0))


def run(job: TrainJob) -> Store:
    """Draws a training's images below the present folder and does it; returns the store."""
    for data in job.datasets:
        row = dataset(data.name)
        datasets.prepare(row, specify(row, dict(data.spec)), places.DATA)
    store = Store(Path("results"))
    perform(job, store)
    return store


def bits(job: TrainJob, store: Store) -> str:
    """16 hex digits of what a training measured by epoch, and of its weights."""
    found = hashlib.sha256(json.dumps(store.read(job)["history"]).encode())
    state = torch.load(store.kept_file(job, WEIGHTS), weights_only=True)
    for name, value in sorted(state.items()):
        found.update(name.encode())
        found.update(value.contiguous().numpy().tobytes())
    return found.hexdigest()[:16]


def measure() -> dict[str, str]:
    """Method -> bits of its short training, done in a folder that goes."""
    found = {}
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        for method in METHODS:
            job = training(method)
            found[method] = bits(job, run(job))
    return found


def version() -> str:
    """What bits rest on beside the code: the processor's family and PyTorch's version."""
    return f"{platform.machine()}, torch {torch.__version__.partition('+')[0]}"
