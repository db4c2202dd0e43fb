"""Which test images does a picture show, and how does a trained method mix two of them?

Everything is read from stored results, so a picture can be drawn again from them to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from mixlib.core.lam import Fixed
from mixlib.core.mix import Mix, blend
from mixlib.core.net import inference
from mixlib.core.objective import Objective
from mixlib.core.policy import ByLaw
from mixlib.data.catalog import DATASETS
from mixlib.methods.automix.draws import Draw
from mixlib.methods.automix.joint import JointMix
from mixlib.methods.automix.objective import AutoMix
from mixlib.seed import generator
from pipelines.execute.context import Context
from pipelines.execute.launch import launch
from pipelines.execute.progress import Progress
from pipelines.execute.store import Store
from pipelines.execute.train import loaders
from pipelines.plan.kinds.train import TrainJob


@dataclass(frozen=True)
class Specimen:
    """Two mixed images: the picture [H, W, 3] in [0, 1] and the own image's mask [H, W]."""

    picture: Tensor
    mask: Tensor


def context_of(store: Store) -> Context:
    """A context that only reads."""
    return Context(Path(), store, Progress("draw"), accelerator="cpu")


def test_images(job: TrainJob, store: Store, count: int) -> Tensor:
    """The first test images of ``count`` different classes, normalized [count, C, H, W]."""
    context = context_of(store)
    _, test = loaders(job, context, launch("32-true", context))
    found: dict[int, Tensor] = {}
    for x, y in test.epoch(0):
        for image, label in zip(x, y.tolist(), strict=True):
            found.setdefault(label, image)
        if len(found) >= count:
            break
    return torch.stack([found[label] for label in sorted(found)[:count]])


def picture(job: TrainJob, image: Tensor) -> Tensor:
    """A normalized image [C, H, W] as [H, W, C] in [0, 1]."""
    row = DATASETS[job.images.name]
    mean, std = torch.tensor(row.mean), torch.tensor(row.std)
    return (image.movedim(0, -1) * std + mean).clamp(0, 1)


def mixed(job: TrainJob, objective: Objective, both: Tensor, lam: float) -> Specimen:
    """The first of two images [2, C, H, W] mixed with the second, whose label share is 1 - lam."""
    with inference(objective):
        mix = at_lambda(objective, both, lam)
        out = blend(mix, both)[0]
        mask = mix.dense()[0, 0].expand(both.shape[-2:])
    return Specimen(picture(job, out), mask)


def at_lambda(objective: Objective, both: Tensor, lam: float) -> Mix:
    """How an objective mixes two images with each other at a given lambda.

    Raises:
        TypeError: the method is neither AutoMix nor one that draws its masks by a law.
    """
    if isinstance(objective, AutoMix | JointMix):
        return objective.mix_with(both, Draw(torch.tensor([lam]), torch.tensor([1, 0])))
    policy = getattr(objective, "policy", None)
    if not isinstance(policy, ByLaw):
        raise TypeError(f"{type(objective).__name__} cannot be asked for one lambda")
    chosen = replace(policy, lam=Fixed(lam), scope="batch", pairing="reverse")
    labels = torch.zeros(2, dtype=torch.long)
    return chosen.draw(both, labels, None, generator(0, "specimen"))
