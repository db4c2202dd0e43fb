"""Execution of kind "occlusion": accuracy as patches are dropped (TokenMix, Figure 4)."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch

from downstream.attention.class_token import last_layer_rank
from downstream.localization.localize import evenly
from downstream.robustness.attacks import Normalized
from downstream.robustness.occlusion import OcclusionCurve, occluded_examples, occlusion_curve
from mixlib.data.catalog import DATASETS
from mixlib.training.checkpoint import KeptCheckpoint
from pipelines.execute.context import Context
from pipelines.execute.outcome import Outcome
from pipelines.execute.trained import load_batches, load_test_images, reported, trained_network
from pipelines.plan.kinds.occlusion import OcclusionJob, metric

SAMPLES = "samples.npz"
SHOWN = (0.0, 0.2, 0.4, 0.6, 0.8)
"""Ratios of the examples."""


def run(job: OcclusionJob, context: Context) -> Outcome:
    """Measures one curve after the other; finished ones survive a kill."""
    began, s = time.monotonic(), job.settings
    row = DATASETS[job.parent.images.name]
    model = Normalized(trained_network(job.parent, context).model, row.mean, row.std)
    images = load_test_images(job.parent, context, s.images)
    loader = load_batches(job.parent, context, images, s.batch, normalized=False)
    checkpoint = KeptCheckpoint(
        context.folder / "checkpoint.pt", job.digest, context.store.set_aside, 0.0
    )
    state: dict[str, Any] = checkpoint.load() or {"curves": {}, "seconds": 0.0}
    before = state["seconds"]
    for which in s.which:
        if which in state["curves"]:
            continue
        rank = None if which == "random" else last_layer_rank(model)
        batches = ((x.clamp(0, 1), y) for x, y in reported(loader, context, which))
        found = occlusion_curve(model, batches, s.curve(which), row.mean, rank)
        state["curves"][which] = top1_and_confidence(found)
        state["seconds"] = before + time.monotonic() - began
        checkpoint.save(state)
    write_samples(job, context, model)
    metrics: dict[str, float] = {}
    history: list[dict[str, float]] = []
    for which, curve in state["curves"].items():
        metrics |= {metric(which, r): v for r, v in zip(s.ratios, curve["top1"], strict=True)}
        metrics[f"{which}_mean"] = float(np.mean(curve["top1"]))
        history += [
            {"curve": float(s.which.index(which)), "ratio": r, "top1": top1, "confidence": own}
            for r, top1, own in zip(s.ratios, curve["top1"], curve["confidence"], strict=True)
        ]
    return Outcome(
        metrics=metrics,
        history=history,
        seconds=before + time.monotonic() - began,
        keep=(SAMPLES,),
        more={"images": len(images), "curves": list(s.which)},
    )


def top1_and_confidence(curve: OcclusionCurve) -> dict[str, list[float]]:
    """Accuracy (percent) and mean probability of the true class by ratio."""
    return {"top1": curve.top1.tolist(), "confidence": curve.confidence.mean(1).tolist()}


def write_samples(job: OcclusionJob, context: Context, model: torch.nn.Module) -> None:
    """A few images at some ratios, with the probability of their class (.npz).

    Arrays for S images and R ratios: ratios [R], images uint8 [R, S, H, W, 3], confidence [R, S].
    The images and their dropped patches are the same for every network of one setting.
    """
    row = DATASETS[job.parent.images.name]
    images = load_test_images(job.parent, context)
    images = images.take(evenly(job.settings.samples, len(images)))
    loader = load_batches(job.parent, context, images, len(images), normalized=False)
    x, y = next(iter(loader.epoch(0)))
    found, confidence = occluded_examples(
        model, x.clamp(0, 1), y, job.settings.curve("random"), row.mean, SHOWN
    )
    pixels = (255 * found).round().to(torch.uint8).movedim(2, -1).cpu().numpy()
    np.savez_compressed(
        context.folder / SAMPLES,
        ratios=np.array(SHOWN),
        images=pixels,
        confidence=confidence.cpu().numpy(),
    )
