"""Execution of kind "masks": the shape of a trained method's masks, and how they follow lambda."""

from __future__ import annotations

import time

import torch
from torch import Tensor

from mixlib.core.net import inference
from mixlib.seed import generator
from pipelines.execute.context import Context
from pipelines.execute.launch import launch
from pipelines.execute.outcome import Outcome
from pipelines.execute.train import OBJECTIVE, snapshot, trained_objective
from pipelines.execute.trained import load_batches, load_test_images, reported
from pipelines.plan.kinds.masks import LAMS, MasksJob

SHAPED = 0.1
"""Standard deviation over a mask's pixels from which it counts as one with shape."""


def run(job: MasksJob, context: Context) -> Outcome:
    """Mixes test images at five lambdas and measures the share of the own image at every pixel."""
    began, parent = time.monotonic(), job.parent
    device = launch(parent.recipe.precision, context).device
    file = OBJECTIVE if job.after is None else snapshot(job.after)
    objective = trained_objective(parent, context, file).to(device)
    images = load_test_images(parent, context, job.pairs)
    loader = load_batches(parent, context, images, parent.recipe.batch)
    spreads, shares = [], []
    with inference(objective):
        for i, (x, y) in enumerate(reported(loader, context, "masks")):
            # alike pairs at every lambda: what differs is lambda's
            mixes = [objective.mix_at(x, y, lam, generator(job.seed, "masks", i)) for lam in LAMS]
            own = [mix.dense()[:, 0].expand(len(x), -1, -1).flatten(1) for mix in mixes]
            spreads.append(torch.stack([mask.std(1, correction=0) for mask in own]))
            shares.append(torch.stack([mask.mean(1) for mask in own]))
    spread, share = torch.cat(spreads, 1).double().cpu(), torch.cat(shares, 1).double().cpu()
    return Outcome(
        metrics=measure(spread, share),
        history=[
            {"lambda": lam, "spread": float(s.mean()), "share": float(m.mean())}
            for lam, s, m in zip(LAMS, spread, share, strict=True)
        ],
        seconds=time.monotonic() - began,
    )


def measure(spread: Tensor, share: Tensor) -> dict[str, float]:
    """What is said about masks.

    Args:
        spread: float [L, N], the standard deviation over the pixels of a mask, at each of L lambdas
            (:data:`LAMS`) of each of N pairs.
        share: float [L, N], its mean.

    Returns:
        "mask_spread", the mean; "mask_shaped", the percentage of masks with shape; "mask_lambda",
        the correlation of a mask's mean with lambda over all pairs; "mask_lambda_of_pair", the
        median of those within a pair (which image is easier to see is not lambda's doing);
        "mask_rising", the percentage of pairs that show more of the own image at the largest lambda
        than at the smallest.  Where no mask differs from another there is no correlation: 0.

    Example:
        >>> lam = torch.tensor(LAMS)[:, None]
        >>> flat = measure(torch.zeros(5, 2), lam.expand(5, 2))
        >>> [round(value, 6) for value in flat.values()]
        [0.0, 0.0, 1.0, 1.0, 100.0]
    """
    lams = torch.tensor(LAMS, dtype=share.dtype)[:, None]
    within = torch.stack([correlation(lams.flatten(), own) for own in share.T])
    return {
        "mask_spread": float(spread.mean()),
        "mask_shaped": 100 * float((spread > SHAPED).double().mean()),
        "mask_lambda": float(correlation(lams.expand_as(share).flatten(), share.flatten())),
        "mask_lambda_of_pair": float(within.median()),
        "mask_rising": 100 * float((share[-1] > share[0]).double().mean()),
    }


def correlation(a: Tensor, b: Tensor) -> Tensor:
    """Of two vectors; 0 where one of them is constant.

    Example:
        >>> correlation(torch.tensor([1.0, 2.0]), torch.tensor([5.0, 5.0]))
        tensor(0.)
    """
    return torch.corrcoef(torch.stack([a, b]))[0, 1].nan_to_num(0.0)
