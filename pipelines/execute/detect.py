"""Execution of kind "detect": Faster R-CNN fine-tuned from a trained classifier's backbone."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from downstream.detection.finetune import finetune
from downstream.detection.readers import Records, read_split
from mixlib.data.catalog import DATASETS
from mixlib.models import backbones
from pipelines.execute.context import Context
from pipelines.execute.outcome import Outcome
from pipelines.execute.stop_at_checkpoint import asked_to_stop
from pipelines.plan.kinds.detect import DetectJob


def run(job: DetectJob, context: Context) -> Outcome:
    """Fine-tunes and evaluates, from the checkpoint in the working folder if there is one."""
    train, test = splits(job, context)
    weights = context.weights(job.parent)
    net = backbones.build(job.parent.backbone.name, classes_of(weights), seed=0)
    net.load_state_dict(weights)
    began = time.monotonic()

    def report(done: int, total: int, losses: Mapping[str, float]) -> None:
        context.progress("train", done, total, dict(losses))

    with asked_to_stop() as stop:
        measured: dict[str, Any] = finetune(
            net, job.settings, train, test,
            seed=job.seed,
            device=context.device(),
            workdir=context.folder,
            progress=report,
            checkpoint_seconds=context.checkpoint_seconds,
            workers=context.workers,
            set_aside=context.store.set_aside,
            stop=stop,
        )  # fmt: skip
    return Outcome(
        metrics={name: float(measured[name]) for name in ("AP", "AP50", "AP75")},
        history=measured["losses"],
        seconds=time.monotonic() - began,
        more={"per_class": measured["per_class"], "intervals": measured["intervals"]},
    )


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
