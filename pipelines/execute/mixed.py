"""Execution of kind "mixed": mixed test samples recognized by the network that was trained on such
(AutoMix, Figure 4, right)."""

from __future__ import annotations

import time
from collections.abc import Iterable

import torch
from torch import Tensor

from mixlib.core.mix import blend
from mixlib.core.net import inference
from mixlib.core.objective import Objective
from mixlib.seed import generator
from mixlib.training.evaluate import mixed_hits
from pipelines.execute.context import Context
from pipelines.execute.launch import launch
from pipelines.execute.outcome import Outcome
from pipelines.execute.train import loaders, trained_objective
from pipelines.plan.kinds.mixed import MixedJob

# shares of the own image by which the figure groups samples
BINS = 10


def run(job: MixedJob, context: Context) -> Outcome:
    """Mixes every test image ``job.rounds`` times and counts the recognized sources."""
    began = time.monotonic()
    fabric = launch(job.parent.recipe.precision, context)
    _, test = loaders(job.parent, context, fabric)
    objective = trained_objective(job.parent, context).to(fabric.device)
    batches = (batch for _ in range(job.rounds) for batch in test.epoch(0))
    rows = by_share(*recognize(objective, batches, job.seed))
    whole = average(rows)
    return Outcome(
        metrics={"mixed_top1": whole["top1"], "mixed_top2": whole["top2"]},
        history=rows,
        seconds=time.monotonic() - began,
    )


def recognize(
    objective: Objective, batches: Iterable[tuple[Tensor, Tensor]], seed: int
) -> tuple[Tensor, Tensor]:
    """Mixes every batch as in training and classifies it.

    Returns:
        The label share of the own image [N], and hits [N, 3] in the order of
        :class:`mixlib.training.evaluate.MixedHits`.
    """
    shares, hits = [], []
    with inference(objective):
        for i, (x, y) in enumerate(batches):
            mix = objective(x, y, generator(seed, "mixed", i)).mix
            logits = objective.predictor()(blend(mix, x))
            hits.append(torch.stack(mixed_hits(logits.float(), y, y[mix.source[:, -1]]), 1))
            shares.append(mix.weight[:, 0])
    return torch.cat(shares).cpu(), torch.cat(hits).cpu()


def by_share(share: Tensor, hits: Tensor) -> list[dict[str, float]]:
    """Accuracy (percent) over the label share of the own image, in ``BINS`` equal bins.

    Each row holds the bin's middle, ``top1`` over its ``n`` samples, and ``top2`` over those
    ``pairs`` of them whose sources differ in class; empty bins are left out.
    """
    rows = []
    place = (share * BINS).long().clamp(max=BINS - 1)
    for i in range(BINS):
        top1, top2, distinct = hits[place == i].T
        n, pairs = len(top1), int(distinct.sum())
        if pairs:
            rows.append(
                {
                    "share": (i + 0.5) / BINS,
                    "n": float(n),
                    "pairs": float(pairs),
                    "top1": 100 * float(top1.sum()) / n,
                    "top2": 100 * float(top2.sum()) / pairs,
                }
            )
    return rows


def average(rows: list[dict[str, float]]) -> dict[str, float]:
    """Accuracy over all samples, from the rows of :func:`by_share`."""
    n, pairs = (sum(row[key] for row in rows) for key in ("n", "pairs"))
    return {
        "top1": sum(row["top1"] * row["n"] for row in rows) / n,
        "top2": sum(row["top2"] * row["pairs"] for row in rows) / pairs,
    }
