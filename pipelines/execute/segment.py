"""Execution of kind "segment": UPerNet fine-tuned from a trained vision transformer (TokenMix,
ADE20K)."""

from __future__ import annotations

import time

import numpy as np
import torch
from torch import Tensor

from downstream.segmentation.finetune import Preparation, Training
from downstream.segmentation.inference import evaluate, normalizer, probabilities
from downstream.segmentation.metrics import Confusion
from downstream.segmentation.readers import Segmentations, read_segmentations
from downstream.segmentation.upernet import UPerNet
from mixlib.data.catalog import DATASETS
from mixlib.seed import derive
from mixlib.training.checkpoint import KeptCheckpoint
from pipelines.execute.context import Context
from pipelines.execute.outcome import Outcome
from pipelines.execute.stop_at_checkpoint import kept_checkpoint
from pipelines.execute.trained import trained_network
from pipelines.plan.kinds.segment import SegmentJob

SAMPLES = "samples.npz"
SHOWN = 2
"""Test images kept for pictures."""
LOG_POINTS = 50


def run(job: SegmentJob, context: Context) -> Outcome:
    """Trains, from the checkpoint in the working folder if there is one, and tests."""
    began = time.monotonic()
    training = new_training(job, context)
    with kept_checkpoint(job, context) as checkpoint:
        log, before = train(job, context, training, checkpoint)
    test = split(job, context, DATASETS[job.scenes.name].test)
    single, several = (judge(job, context, training, test, multi) for multi in (False, True))
    write_samples(job, context, training, test)
    once, often = single.metrics(), several.metrics()
    return Outcome(
        metrics={**once, **{f"{name}_ms": often[name] for name in ("mIoU", "mAcc", "aAcc")}},
        history=log,
        seconds=before + time.monotonic() - began,
        keep=(SAMPLES,),
        more={
            "per_class": dict(zip(test.names, (100 * single.iou()).tolist(), strict=True)),
            "images": len(test),
        },
    )


def train(
    job: SegmentJob, context: Context, training: Training, checkpoint: KeptCheckpoint
) -> tuple[list[dict[str, float]], float]:
    """The rest of the training; the log of losses, and the seconds of earlier attempts.

    Raises:
        StoppedAtCheckpoint: the checkpoint was asked to stop, and holds the training's state.
    """
    began = time.monotonic()
    saved = checkpoint.load() or {"log": [], "seconds": 0.0}
    log: list[dict[str, float]] = saved["log"]
    if "training" in saved:
        training.resume(saved["training"])
    before, every = saved["seconds"], max(1, job.settings.steps // LOG_POINTS)

    def report(done: int, total: int, loss: Tensor) -> None:
        if done % every == 0 or done == total:
            log.append({"step": float(done), "loss": float(loss)})
        # with the loss that was read last: another read would be another wait for the device
        context.progress("train", done, total, {"loss": log[-1]["loss"]} if log else {})
        if checkpoint.due() or done == total:
            training.stop_if_broken()  # what is lost does not replace what is good
            seconds = before + time.monotonic() - began
            checkpoint.save({"training": training.state(), "log": log, "seconds": seconds})
            checkpoint.leave_if_asked()

    training.run(report=report)
    return log, before


def new_training(job: SegmentJob, context: Context) -> Training:
    """The fine-tuning at its first step: the parent's backbone under a fresh decoder."""
    train = split(job, context, DATASETS[job.scenes.name].train)
    backbone = trained_network(job.parent, context, inner=True).model
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(job.seed, "segmenter"))
        model = UPerNet(backbone.cpu(), len(train.names), job.settings)
    return Training(model.to(context.device()), train, job.settings, pixels(job, context), job.seed)


def pixels(job: SegmentJob, context: Context) -> Preparation:
    """Pixels reach the segmenter as they reached the classifier."""
    row = DATASETS[job.parent.images.name]
    return Preparation(row.mean, row.std, context.device())


def split(job: SegmentJob, context: Context, name: str) -> Segmentations:
    """A split of the masks, capped as the job says: its first images."""
    row, root = DATASETS[job.scenes.name], context.data_folder(job.scenes)
    classes = len(context.data_classes(job.scenes))
    found = read_segmentations(row.layout, root, name, classes)
    return found.capped(job.scenes.train_cap if name == row.train else job.scenes.test_cap)


def judge(
    job: SegmentJob, context: Context, training: Training, test: Segmentations, several: bool
) -> Confusion:
    """The confusion matrix of the trained segmenter at one scale, or over several."""
    phase = "test at several scales" if several else "test"
    p = training.pixels
    return evaluate(
        training.model,
        test,
        normalizer(p.mean, p.std, p.device),
        job.settings,
        several,
        lambda done, total: context.progress(phase, done, total, {}),
    )


def write_samples(
    job: SegmentJob, context: Context, training: Training, test: Segmentations
) -> None:
    """The first test images with true and predicted masks (.npz): image_<i>, true_<i>,
    predicted_<i>."""
    p = training.pixels
    prepare = normalizer(p.mean, p.std, p.device)
    kept: dict[str, np.ndarray] = {}
    for number in range(min(SHOWN, len(test))):
        image = test.image(number)
        found = probabilities(training.model, prepare(image), job.settings).argmax(1)[0]
        kept |= {
            f"image_{number}": image,
            f"true_{number}": test.mask(number),
            f"predicted_{number}": found.cpu().numpy().astype(np.uint8),
        }
    np.savez_compressed(context.folder / SAMPLES, **kept)  # type: ignore[arg-type]
