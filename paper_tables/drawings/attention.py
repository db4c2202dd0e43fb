"""What is seen where: attention of trained transformers by layer and as maps (TokenMix, Figure 3),
and a teacher's activation maps as label shares (Figure 6)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from downstream.attention.draw import draw_layers, draw_target_scores
from downstream.attention.target_scores import TargetScores, target_scores
from mixlib.catalog import build as builder
from mixlib.masks.cells import enlarge
from mixlib.methods.tokenmix import content_maps
from mixlib.models.score_map_teacher import MapTeacher
from mixlib.seed import generator
from paper_tables.drawings.canvas import Drawing, canvas, save, set_title
from paper_tables.drawings.colors import styles
from paper_tables.drawings.trained_networks import context_of, labeled_test_images, picture
from pipelines.execute.attention import SAMPLES
from pipelines.execute.trained import trained_network
from pipelines.plan.kinds.train import TrainJob

PAIRS = 5
"""Mixed images of the target-score picture."""
GRID = 14
"""Cells of its masks and maps where the method does not say."""


def by_layer(drawing: Drawing, paths: tuple[Path, ...]) -> None:
    """Share of attention inside the true box over layers, one line a method, and an even map's."""
    plt = canvas(drawing.table.name)
    figure, axis = plt.subplots(figsize=(5.2, 3.6), layout="constrained")
    first = drawing.first_jobs()
    even = highest = 0.0
    looks = styles(row.label for row in drawing.table.rows)
    for row in drawing.table.rows:
        result = drawing.store.read(first[row.label])
        layers, inside = ([line[key] for line in result["history"]] for key in ("layer", "inside"))
        axis.plot(layers, inside, linestyle="-", **looks[row.label]._asdict(), label=row.label)
        even = result["metrics"]["box"]
        highest = max(highest, even, *inside)
    axis.axhline(even, color="black", linestyle="--", linewidth=1, label="an even map")
    axis.set(xlabel="layer", ylabel="attention inside the true box (%)", ylim=(0, 1.25 * highest))
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.grid(alpha=0.3)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(fontsize=8, frameon=False)
    set_title(figure, drawing.heading())
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
        f"{drawing.heading()}. Below each map: the share of "
        "its attention inside the true box (red). Colors span each map's own range"
    )
    set_title(figure, text)
    save(figure, paths)
    plt.close("all")


def scores(drawing: Drawing, paths: tuple[Path, ...]) -> None:
    """Images, the teacher's maps of their classes, and what TokenMix' masks leave of them, with
    the label shares by both."""
    plt = canvas(drawing.table.name)
    job = drawing.cells[0].jobs[0]
    assert isinstance(job, TrainJob)
    assert job.teacher is not None
    images, labels = labeled_test_images(job, drawing.store, PAIRS + 1)
    own, partner = images[:-1], images[1:]
    side = int(dict(job.method.params).get("grid", GRID))
    found = MapTeacher(trained_network(job.teacher, context_of(drawing.store))).maps(images)
    grids = content_maps(found, labels, side)
    # the masks alone: the method itself mixes some batches otherwise
    policy = builder.policy("tokenmix", {"grid": side, "labels": "area"})
    masks = []
    for number in range(PAIRS):
        both = torch.stack((own[number], partner[number]))
        rng = generator(number, "target scores")
        mix = policy.draw_at(both, torch.zeros(2, dtype=torch.long), None, 0.5, rng)
        masks.append(mix.dense((side, side))[0, 0])
    mask = torch.stack(masks)
    shares: TargetScores = target_scores(mask, grids[:-1], grids[1:])
    pictures = torch.stack([picture(job, image) for image in own])
    kept = enlarge(mask, (pictures.shape[1], pictures.shape[2]))[..., None]
    figure = draw_target_scores(
        _bytes(pictures), _bytes(pictures * kept + 0.85 * (1 - kept)), grids[:-1].numpy(), shares
    )
    set_title(figure, drawing.heading())
    save(figure, paths)
    plt.close("all")


def _bytes(pictures: torch.Tensor) -> np.ndarray:
    """Images [B, H, W, 3] in [0, 1] as uint8."""
    return (255 * pictures).round().to(torch.uint8).numpy()
