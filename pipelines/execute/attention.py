"""Execution of kind "attention": what the class token attends to, by layer (TokenMix, Figure 3)."""

from __future__ import annotations

import time

import numpy as np
import torch

from downstream.attention.boxes import box_cover, share_inside
from downstream.attention.class_token import class_attention
from downstream.localization.image_boxes import read_image_boxes
from downstream.localization.localize import evenly
from downstream.localization.readers import Truth
from mixlib.data.augmentations import Augment
from mixlib.data.catalog import DATASETS
from mixlib.data.images import Images
from mixlib.data.shapes.scenes import Shapes
from pipelines.data.fingerprints import specify
from pipelines.execute.context import Context
from pipelines.execute.outcome import Outcome
from pipelines.execute.trained import load_batches, load_test_images, reported, trained_network
from pipelines.plan.kinds.attention import AttentionJob

SAMPLES = "samples.npz"


def run(job: AttentionJob, context: Context) -> Outcome:
    """Measures the share of attention inside the true box in every layer."""
    began, s = time.monotonic(), job.settings
    net = trained_network(job.parent, context)
    images = load_test_images(job.parent, context, s.images)
    boxes = boxes_on_input(true_boxes(job, context, images), s.input)
    augment = Augment(s.input, flip=0.0, interpolation=s.interpolation)
    loader = load_batches(job.parent, context, images, s.batch, augment=augment)
    shares, areas, maps = [], [], []
    for number, (x, _) in enumerate(reported(loader, context, "attention")):
        found = class_attention(net.model, x).cpu()
        own = boxes[number * s.batch : number * s.batch + len(x)]
        cover = box_cover(own, (s.input, s.input), (found.shape[2], found.shape[3]))
        shares.append(share_inside(found, cover))
        areas.append(cover.mean((1, 2)))
        maps.append(found)
    inside = torch.cat(shares, 1)
    write_samples(job, context, images, boxes, torch.cat(maps, 1), inside)
    layers = inside.mean(1)
    thirds = [float(part.mean()) for part in torch.tensor_split(layers, 3)]
    names = ("inside_lower", "inside_middle", "inside_upper")
    return Outcome(
        metrics={
            "inside": 100 * float(layers.mean()),
            **{name: 100 * value for name, value in zip(names, thirds, strict=True)},
            "inside_last": 100 * float(layers[-1]),
            "box": 100 * float(torch.cat(areas).mean()),
        },
        history=[
            {"layer": float(number), "inside": 100 * float(value)}
            for number, value in enumerate(layers, 1)
        ],
        seconds=time.monotonic() - began,
        keep=(SAMPLES,),
        more={"images": len(images)},
    )


def true_boxes(job: AttentionJob, context: Context, images: Images) -> Truth:
    """The true boxes of the test images, in pixels of the files.

    Raises:
        InputError: this dataset has no boxes.
    """
    data = job.parent.images
    row, root = DATASETS[data.name], context.data_folder(data)
    spec: Shapes | None = specify(row, dict(data.spec))
    return read_image_boxes(row.layout, root, row.test, images.paths or (), spec)


def boxes_on_input(truth: Truth, side: int) -> list[np.ndarray]:
    """Boxes int64 [G, 4] in pixels of square inputs, each at least one pixel wide and high."""
    found = []
    for boxes in truth.on_grid(side):
        own = boxes.copy()
        own[:, :2] = np.minimum(own[:, :2], side - 1)
        own[:, 2:] = np.maximum(own[:, 2:], own[:, :2] + 1)
        found.append(own)
    return found


def write_samples(
    job: AttentionJob,
    context: Context,
    images: Images,
    boxes: list[np.ndarray],
    maps: torch.Tensor,
    inside: torch.Tensor,
) -> None:
    """A few images with their maps, for pictures (.npz).

    Arrays for S images, L layers: images uint8 [S, H, W, 3], maps [L, S, h, w], inside [L, S], and
    boxes [R, 5] with rows (image, x0, y0, x1, y1).
    """
    chosen = evenly(job.settings.samples, len(images))
    side = job.settings.input
    pictures = [np.asarray(images.image(int(i)).resize((side, side))) for i in chosen]
    np.savez_compressed(
        context.folder / SAMPLES,
        images=np.stack(pictures),
        maps=maps[:, chosen].numpy(),
        inside=inside[:, chosen].numpy(),
        boxes=np.array([(n, *box) for n, i in enumerate(chosen) for box in boxes[i].tolist()]),
    )
