"""Attention of trained transformers: by layer, as maps, and as label shares (TokenMix, Figures 3
and 6)."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill

import numpy as np
import torch

from downstream.attention.class_token import class_attention
from downstream.attention.draw import draw_layers, draw_target_scores
from downstream.attention.target_scores import TargetScores, target_scores
from mixlib.core.net import inference
from mixlib.seed import generator
from paper_tables.drawings.canvas import COLORS, Drawing, canvas, save
from paper_tables.drawings.trained_networks import context_of, picture, test_images
from pipelines.execute.attention import SAMPLES
from pipelines.execute.train import trained_objective
from pipelines.plan.kinds.train import TrainJob

PAIRS = 5
"""Mixed images of the target-score picture."""


def by_layer(drawing: Drawing, paths: tuple[Path, ...]) -> None:
    """Share of attention inside the true box over layers, one line a method, and an even map's."""
    plt = canvas(drawing.table.name)
    figure, axis = plt.subplots(figsize=(5.2, 3.6), layout="constrained")
    first = drawing.first_jobs()
    even = highest = 0.0
    for number, row in enumerate(drawing.table.rows, 1):
        result = drawing.store.read(first[row.label])
        layers, inside = ([line[key] for line in result["history"]] for key in ("layer", "inside"))
        axis.plot(layers, inside, "o-", color=COLORS[number % len(COLORS)], label=row.label)
        even = result["metrics"]["box"]
        highest = max(highest, even, *inside)
    axis.axhline(even, color="black", linestyle="--", linewidth=1, label="an even map")
    axis.set(xlabel="layer", ylabel="attention inside the true box (%)", ylim=(0, 1.25 * highest))
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.grid(alpha=0.3)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(fontsize=8, frameon=False)
    figure.suptitle(f"{drawing.table.title} ({drawing.scale.title}; first run)", size=10)
    save(figure, paths)
    plt.close(figure)


def maps(drawing: Drawing, paths: tuple[Path, ...]) -> None:
    """Attention maps of a few test images, the methods below each other for each image."""
    plt = canvas(drawing.table.name)
    first = drawing.first_jobs()
    labels = [row.label for row in drawing.table.rows]
    samples = [dict(np.load(drawing.store.kept_file(first[label], SAMPLES))) for label in labels]
    count = min(len(sample["images"]) for sample in samples)
    rows = [(image, sample) for image in range(count) for sample in samples]
    layers = samples[0]["maps"].shape[0]
    figure = draw_layers(
        np.stack([sample["images"][image] for image, sample in rows]),
        np.stack([sample["maps"][:, image] for image, sample in rows], 1),
        [f"layer {number}" for number in range(1, layers + 1)],
        np.stack([sample["inside"][:, image] for image, sample in rows], 1),
        labels * count,
        [sample["boxes"][sample["boxes"][:, 0] == image, 1:] for image, sample in rows],
    )
    text = (
        f"{drawing.table.title} ({drawing.scale.title}; first run). Below each map: the share of "
        "its attention inside the true box (red). Colors span each map's own range"
    )
    figure.suptitle(fill(text, round(11 * figure.get_figwidth())), size=10)
    save(figure, paths)
    plt.close("all")


def scores(drawing: Drawing, paths: tuple[Path, ...]) -> None:
    """Images, their attention, and what TokenMix' masks leave of them, with both label shares."""
    plt = canvas(drawing.table.name)
    job = drawing.cells[0].jobs[0]
    assert isinstance(job, TrainJob)
    objective = trained_objective(job, context_of(drawing.store))
    images = test_images(job, drawing.store, PAIRS + 1)
    own, partner = images[:-1], images[1:]
    grids = class_attention(objective.predictor(), images)[-1]
    masks = []
    with inference(objective):
        for number in range(PAIRS):
            both = torch.stack((own[number], partner[number]))
            mix = objective.mix_at(
                both, torch.zeros(2, dtype=torch.long), 0.5, generator(number, "target scores")
            )
            masks.append(mix.dense((grids.shape[1], grids.shape[2]))[0, 0])
    mask = torch.stack(masks)
    found: TargetScores = target_scores(mask, grids[:-1], grids[1:])
    pictures = torch.stack([picture(job, image) for image in own])
    factor = pictures.shape[1] // mask.shape[1], pictures.shape[2] // mask.shape[2]
    kept = mask.repeat_interleave(factor[0], 1).repeat_interleave(factor[1], 2)[..., None]
    figure = draw_target_scores(
        _bytes(pictures), _bytes(pictures * kept + 0.85 * (1 - kept)), grids[:-1].numpy(), found
    )
    figure.suptitle(f"{drawing.table.title} ({drawing.scale.title})", size=10)
    save(figure, paths)
    plt.close("all")


def _bytes(pictures: torch.Tensor) -> np.ndarray:
    """Images [B, H, W, 3] in [0, 1] as uint8."""
    return (255 * pictures).round().to(torch.uint8).numpy()
