"""Label mismatch of mixed samples: what each method's network sees in its own mix of two images
(AutoMix, Figure 3)."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill
from typing import Any

import torch
from torch import Tensor

from downstream.localization.cam import activation_maps
from mixlib.core.net import Net, inference
from mixlib.data.catalog import DATASETS
from paper_tables.drawings.canvas import Drawing, canvas, save, set_title
from paper_tables.drawings.mixed_pair import MixedImage
from paper_tables.drawings.samples import trainings
from paper_tables.drawings.trained_networks import context_of, mix_images, picture
from pipelines.execute.launch import launch
from pipelines.execute.store import Store
from pipelines.execute.train import loaders, trained_objective
from pipelines.execute.trained import trained_network
from pipelines.plan.kinds.train import TrainJob

HALF = 0.5
"""The lambda of the figure."""


def mismatched(drawing: Drawing, paths: tuple[Path, ...]) -> None:
    """A column a method: its mixed image, and below it the class activation maps of its network's
    two strongest classes there; the two images on the left."""
    plt = canvas(drawing.table.name)
    jobs = trainings(drawing)
    context = context_of(drawing.store)
    networks = {label: trained_network(job, context) for label, job in jobs.items()}
    first = next(iter(jobs.values()))
    names = context.data_classes(first.images)
    both, labels = common_pair(first, networks, drawing.store)
    figure, axes = plt.subplots(
        3, len(jobs) + 1, squeeze=False, layout="constrained",
        figsize=(1.75 * (len(jobs) + 1), 5.8),
    )  # fmt: skip
    for axis, image, number in zip(axes[:, 0], both, labels, strict=False):
        _show(axis, picture(first, image), f"{names[number]}")
    axes[2, 0].axis("off")
    for line, (label, job) in zip(axes[:, 1:].T, jobs.items(), strict=True):
        mixed = mix_images(job, trained_objective(job, context), both, HALF)
        _show(line[0], mixed.image.movedim(0, -1), label)
        line[0].set_xlabel(mask_words(mixed), fontsize=6)
        _maps(line[1:], networks[label], mixed, job, names)
    set_title(
        figure,
        f"{drawing.heading()}. Below: where each network sees its two strongest classes",
    )
    save(figure, paths)
    plt.close(figure)


def common_pair(job: TrainJob, networks: dict[str, Net], store: Store) -> tuple[Tensor, list[int]]:
    """The first test images of two classes that all networks recognize [2, C, H, W], with their
    labels; the first of two classes where there are none."""
    context = context_of(store)
    _, test = loaders(job, context, launch("32-true", context))
    known: dict[int, Tensor] = {}
    any_of: dict[int, Tensor] = {}
    for x, y in test.epoch(0):
        right = torch.ones(len(y), dtype=torch.bool)
        for net in networks.values():
            with inference(net):
                right &= net(x)[0].argmax(1) == y
        for image, label, seen in zip(x, y.tolist(), right.tolist(), strict=True):
            any_of.setdefault(label, image)
            if seen:
                known.setdefault(label, image)
        if len(known) >= 2:
            break
    found = known if len(known) >= 2 else any_of
    labels = list(found)[:2]
    return torch.stack([found[label] for label in labels]), labels


def _maps(axes: Any, net: Net, mixed: MixedImage, job: TrainJob, names: list[str]) -> None:
    """The mixed image under the maps of the network's two strongest classes, with their shares."""
    x = _normalized(job, mixed.image)
    with inference(net):
        shares, classes = net(x)[0].softmax(1)[0].topk(2)
    for axis, share, label in zip(axes, shares.tolist(), classes.tolist(), strict=True):
        heat = activation_maps(net, [(x, torch.tensor([label]))])[0]
        _show(axis, mixed.image.movedim(0, -1), f"{names[label]} {100 * share:.0f} %")
        height, width = mixed.image.shape[1:]
        axis.imshow(
            heat, cmap="jet", alpha=0.45, extent=(-0.5, width - 0.5, height - 0.5, -0.5),
            interpolation="bilinear",
        )  # fmt: skip


def mask_words(mixed: MixedImage) -> str:
    """Mean and spread of a mask, by which an even one is told from one with shape, and why the
    label is another than was asked for."""
    own = mixed.shares[0]
    mean, spread = float(own.mean()), float(own.std())
    numbers = f"upper image: mean share {mean:.2f}, sd {spread:.2f}"
    return fill("; ".join((numbers, *mixed.notes)), 44)


def _normalized(job: TrainJob, image: Tensor) -> Tensor:
    """A picture [3, H, W] in [0, 1] as a batch of one that the network takes."""
    row = DATASETS[job.images.name]
    mean, std = (torch.tensor(values)[:, None, None] for values in (row.mean, row.std))
    return ((image - mean) / std)[None]


def _show(axis: Any, image: Tensor, title: str) -> None:
    axis.imshow(image.numpy())
    axis.set_title(title, fontsize=8)
    axis.set_xticks([])
    axis.set_yticks([])
