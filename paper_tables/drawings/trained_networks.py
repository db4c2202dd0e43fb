"""Trained networks of a table, their test images, and how they mix two of them.

Everything is read from stored results, so a picture can be drawn again from them to the last bit.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from mixlib.core.net import inference
from mixlib.core.objective import Objective
from mixlib.data.catalog import DATASETS
from mixlib.seed import generator
from paper_tables.drawings.mixed_pair import MixedImage, label_notes, mixed_image
from pipelines.execute.context import Context
from pipelines.execute.launch import launch
from pipelines.execute.progress import Progress
from pipelines.execute.store import Store
from pipelines.execute.train import loaders
from pipelines.plan.kinds.train import TrainJob


def context_of(store: Store) -> Context:
    """A context that only reads."""
    return Context(Path(), store, Progress("draw"), accelerator="cpu")


def test_images(job: TrainJob, store: Store, count: int) -> Tensor:
    """The first test images of ``count`` different classes, normalized [count, C, H, W]."""
    return labeled_test_images(job, store, count)[0]


def labeled_test_images(job: TrainJob, store: Store, count: int) -> tuple[Tensor, Tensor]:
    """:func:`test_images` with their labels int64 [count]."""
    context = context_of(store)
    _, test = loaders(job, context, launch("32-true", context))
    found: dict[int, Tensor] = {}
    for x, y in test.epoch(0):
        for image, label in zip(x, y.tolist(), strict=True):
            found.setdefault(label, image)
        if len(found) >= count:
            break
    labels = sorted(found)[:count]
    return torch.stack([found[label] for label in labels]), torch.tensor(labels)


def picture(job: TrainJob, image: Tensor) -> Tensor:
    """A normalized image [C, H, W] as [H, W, C] in [0, 1]."""
    row = DATASETS[job.images.name]
    mean, std = torch.tensor(row.mean), torch.tensor(row.std)
    return (image.movedim(0, -1) * std + mean).clamp(0, 1)


def mix_images(job: TrainJob, objective: Objective, both: Tensor, lam: float) -> MixedImage:
    """The first of two test images [2, C, H, W] mixed with the second, whose label share is
    1 - lam; the image in [0, 1], and notes where the label is not lambda.

    Raises:
        ValueError: the method's masks do not follow a lambda.
    """
    labels = torch.zeros(2, dtype=torch.long)
    with inference(objective):
        mix = objective.mix_at(both, labels, lam, generator(0, "specimen"))
        made = mixed_image(mix, both)
    image = picture(job, made.image).movedim(-1, 0)
    return replace(made, image=image, notes=label_notes(mix, made, lam))
