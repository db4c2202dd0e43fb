"""Products of input gradients of the trained networks of a table (MSDA Figure 4): one map per row,
drawn by :mod:`theory`'s own statistic."""

from __future__ import annotations

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from paper_tables.drawings.canvas import Drawing, canvas, save, set_title
from paper_tables.drawings.colors import styles
from paper_tables.drawings.samples import trainings
from paper_tables.drawings.trained_networks import context_of
from pipelines.execute.launch import launch
from pipelines.execute.store import Store
from pipelines.execute.train import OBJECTIVE, loaders, trained_objective
from pipelines.plan.kinds.train import TrainJob
from theory.gradients import input_gradients, normalized, product_map
from theory.plots import gradient_maps

# the largest product rests on a few images, and the map costs one pass over all of them for every
# displacement: 8,000 displacements at 64 pixels
IMAGES = 200


def product_maps(drawing: Drawing, paths: tuple[Path, ...]) -> None:
    """The normalized map of every row's first run, and its fall with the distance."""
    maps = {label: of_network(job, drawing.store) for label, job in trainings(drawing).items()}
    canvas(drawing.table.name)  # ids in the picture that do not change from run to run
    figure = gradient_maps(maps, {name: look.color for name, look in styles(maps).items()})
    title = f"{drawing.table.title} ({drawing.scale.title}; {IMAGES} test images, one run)"
    set_title(figure, title, 11)
    save(figure, paths)


def of_network(job: TrainJob, store: Store) -> Float[Tensor, "P Q"]:
    """The normalized map [2H - 1, 2W - 1] of a trained network on its test images."""
    model = trained_objective(job, context_of(store), OBJECTIVE).predictor().eval()
    x, y = spread(job, store, IMAGES)
    return normalized(product_map(input_gradients(model, x, y)))


def spread(job: TrainJob, store: Store, count: int) -> tuple[Tensor, Tensor]:
    """``count`` test images and labels spread evenly through the split, so that sorted classes all
    appear: float32 [n, C, H, W] normalized, int64 [n]; all of them where there are fewer."""
    context = context_of(store)
    _, test = loaders(job, context, launch("32-true", context))
    x, y = (torch.cat(parts) for parts in zip(*test.epoch(0), strict=True))
    places = torch.linspace(0, len(x) - 1, min(count, len(x))).round().long()
    return x[places], y[places]
