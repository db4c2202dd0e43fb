"""Execution of kind "detect": Faster R-CNN fine-tuned from a trained classifier's backbone."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

import torch

from downstream.detection.finetune import finetune
from downstream.detection.processes import ALONE, Processes
from downstream.detection.readers import Records, read_split
from mixlib.data.catalog import DATASETS
from mixlib.models import backbones
from pipelines.execute.context import Context
from pipelines.execute.launch import launch
from pipelines.execute.outcome import Outcome
from pipelines.execute.stop_at_checkpoint import asked_to_stop
from pipelines.plan.kinds.detect import DetectJob

RECOMPUTE = "MIX_RECOMPUTE"
"""Environment variable: 1 computes a detector's activations again in the backward pass, in less
memory and more time; its numbers stay the same."""


def run(job: DetectJob, context: Context) -> Outcome:
    """Fine-tunes and evaluates, from the checkpoint in the working folder if there is one."""
    train, test = splits(job, context)
    weights = context.weights(job.parent)
    net = backbones.build(job.parent.backbone.name, classes_of(weights), seed=0)
    net.load_state_dict(weights)
    began = time.monotonic()

    def report(done: int, total: int, losses: Mapping[str, float]) -> None:
        context.progress("train", done, total, dict(losses))

    processes, device = start(context)
    with asked_to_stop() as stop:
        measured: dict[str, Any] = finetune(
            net, job.settings, train, test,
            seed=job.seed,
            device=device,
            workdir=context.folder,
            progress=report,
            checkpoint_seconds=context.checkpoint_seconds,
            workers=context.workers,
            set_aside=context.store.set_aside,
            stop=stop,
            processes=processes,
            recompute=os.environ.get(RECOMPUTE, "") not in ("", "0"),
        )  # fmt: skip
    return Outcome(
        metrics={name: float(measured[name]) for name in ("AP", "AP50", "AP75")},
        history=measured["losses"],
        seconds=time.monotonic() - began,
        more={"per_class": measured["per_class"], "intervals": measured["intervals"]},
    )


def start(context: Context) -> tuple[Processes, torch.device | str]:
    """The processes that torchrun started, if it did, and this one's device."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return ALONE, context.device()
    fabric = launch("32-true", context)
    return Processes(fabric.global_rank, fabric.world_size), fabric.device


def splits(job: DetectJob, context: Context) -> tuple[Records, Records]:
    """Training and test records, capped as the job says."""
    row, root = DATASETS[job.scenes.name], context.data_folder(job.scenes)
    classes = tuple(context.data_classes(job.scenes))
    train, test = (
        read_split(row.layout, root, split, classes, cap)
        for split, cap in (
            (row.train, job.scenes.train_cap),
            (row.test, job.scenes.test_cap),
        )
    )
    return train, test


def classes_of(weights: Mapping[str, Any]) -> int:
    """Outputs of the classifier that a state dict holds."""
    return len(weights["fc.bias"])
