"""Job kind "mixed": does a classifier see both sources in the samples that its method mixes?

AutoMix, Figure 4 (right): top-1 and top-2 accuracy of mixed data.  The paper does not say on which
samples; here it is the test set, mixed by the trained method as in training, and recognized by the
network that the method reports.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.plan.job import Data, Job, Outcome
from pipelines.plan.kinds.train import FIELDS, OBJECTIVE, TrainJob, launch
from pipelines.plan.setting import Setting

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from mixlib.objective import Objective
    from pipelines.execute.context import Context

# shares of the own image by which the figure groups samples
BINS = 10


@dataclass(frozen=True)
class MixedJob(Job):
    """Recognizing mixed samples.

    Attributes:
        parent: the training whose method mixes and whose classifier recognizes.
        rounds: how often every test image is mixed.
        seed: of the draws; the parent's too.
    """

    kind = "mixed"

    parent: TrainJob
    rounds: int
    seed: int

    @property
    def data(self) -> Data:
        return self.parent.images

    @classmethod
    def build(cls, point: Mapping[str, Any], setting: Setting) -> MixedJob:
        setting.check(point, (*FIELDS, "rounds"), ("data", "method"))
        parent = {key: value for key, value in point.items() if key != "rounds"}
        return cls(TrainJob.build(parent, setting), point.get("rounds", 4), setting.seed)

    def describe(self) -> str:
        p = self.parent
        return (
            f"recognize {p.images.name} mixed by {p.method.name} with the {p.backbone.name} "
            f"trained on it, {self.rounds} rounds, seed {self.seed}"
        )

    def run(self, context: Context) -> Outcome:
        import time

        began = time.monotonic()
        fabric = launch(self.parent.recipe.precision, context)
        _, test = self.parent.loaders(context, fabric)
        objective = self.parent.trained(context, OBJECTIVE).to(fabric.device)
        batches = (batch for _ in range(self.rounds) for batch in test.epoch(0))
        rows = by_share(*recognize(objective, batches, self.seed))
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
        :class:`mixlib.evaluate.MixedHits`.
    """
    import torch

    from mixlib.evaluate import mixed_hits
    from mixlib.mix import blend
    from mixlib.net import inference
    from mixlib.seed import generator

    shares, hits = [], []
    with inference(objective):
        for i, (x, y) in enumerate(batches):
            mix = objective(x, y, generator(seed, "mixed", i)).mix
            logits = objective.predictor()(blend(mix, x))
            hits.append(torch.stack(mixed_hits(logits.float(), y, y[mix.source[:, -1]]), 1))
            shares.append(mix.weight[:, 0])
    return torch.cat(shares).cpu(), torch.cat(hits).cpu()


def by_share(share: torch.Tensor, hits: torch.Tensor) -> list[dict[str, float]]:
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
