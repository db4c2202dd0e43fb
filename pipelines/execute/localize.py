"""Execution of kind "localize": boxes from a fine-tuned classifier's class activation maps."""

from __future__ import annotations

import time

import numpy as np

from downstream.localization import localize as wsol
from downstream.localization.cam import activation_maps
from downstream.localization.maps import center_prior
from downstream.localization.readers import Truth, read_truth
from mixlib.catalog import build as builder
from mixlib.data.augmentations import Augment
from mixlib.data.catalog import DATASETS
from mixlib.data.images import Images, cap
from mixlib.data.loader import Loader
from mixlib.data.readers import read
from mixlib.models import backbones
from mixlib.models.backbones import backbone
from pipelines.execute.context import Context
from pipelines.execute.outcome import Outcome
from pipelines.plan.kinds.localize import LocalizeJob

ROWS, MAPS, SAMPLES = "images.csv", "maps.npy", "samples.npz"


def run(job: LocalizeJob, context: Context) -> Outcome:
    """Draws the maps, thresholds them and measures the boxes."""
    began = time.monotonic()
    images, truth = split(job, context)
    cams = maps(job, context, images)
    found = wsol.localize(
        cams, truth, job.settings, lambda n, m: context.progress("boxes", n, m, {})
    )
    chosen = wsol.evenly(job.settings.samples, len(truth))
    pictures = {int(i): images.image(int(i)) for i in chosen}
    wsol.write_rows(found, truth, context.folder / ROWS)
    wsol.write_samples(found, cams, truth, pictures, context.folder / SAMPLES)
    files = [ROWS, SAMPLES]
    if job.parent is not None:
        np.save(context.folder / MAPS, cams)
        files.append(MAPS)
    return Outcome(
        metrics=found.accuracy.metrics(),
        history=[],
        seconds=time.monotonic() - began,
        keep=tuple(files),
        more={"images": len(truth), "thresholds": found.thresholds},
    )


def split(job: LocalizeJob, context: Context) -> tuple[Images, Truth]:
    """Test images, capped as the job says, and their boxes in the same order."""
    row, root = DATASETS[job.scenes.name], context.data_folder(job.scenes)
    images = cap(read(row.layout, root, row.test), job.scenes.test_cap)
    truth = read_truth(row.layout, root, row.test)
    assert images.paths is not None
    names = [path.relative_to(root / "images").as_posix() for path in images.paths]
    return images, truth.of(names)


def maps(job: LocalizeJob, context: Context, images: Images) -> np.ndarray:
    """The maps [N, h, w] of the images' true classes."""
    s = job.settings
    if job.parent is None:
        shape = (len(images), s.grid, s.grid)
        return np.broadcast_to(center_prior(s.grid, s.center_sigma), shape)
    device = context.device()
    name = job.parent.backbone.name
    net = builder.net(name, len(context.data_classes(job.scenes)), seed=0)
    source = f"result {job.parent.digest}"
    backbones.load(net.model, context.weights(job.parent), source, backbone(name))
    row = DATASETS[job.scenes.name]
    batches = Loader(
        images,
        Augment(s.input, flip=0.0, interpolation=s.interpolation),
        s.batch,
        seed=0,
        train=False,
        mean=row.mean,
        std=row.std,
        device=device,
        workers=context.workers,
    )
    return activation_maps(net.to(device), batches.epoch(0), s.site)
