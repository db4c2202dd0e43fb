"""A finished training as its measurements see it: the network, its test images, their batches."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from downstream.checks import check_labels
from mixlib.catalog import build as builder
from mixlib.core.net import Net
from mixlib.data.augmentations import Augment
from mixlib.data.catalog import DATASETS
from mixlib.data.images import Images, cap
from mixlib.data.loader import Loader
from mixlib.models import backbones
from mixlib.models.load import load
from pipelines.execute.context import Context
from pipelines.execute.splits import read_test
from pipelines.plan.kinds.train import TrainJob

NO_SHIFT, NO_SCALE = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)


# where an objective that predicts with more than the network keeps the network itself
INNER = "net.model."


def trained_network(parent: TrainJob, context: Context, *, inner: bool = False) -> Net:
    """The network that a training reports, on the context's device, in evaluation mode.

    Args:
        parent: the training.
        context: where its result is.
        inner: the network itself, where the training predicts with more than it (token labels add
            a classifier of the patches); what starts from a training needs no more.

    Raises:
        ValueError: the stored weights belong to another architecture.
    """
    name = parent.backbone.name
    net = builder.net(name, len(context.data_classes(parent.images)), seed=0)
    source = f"result {parent.digest}"
    weights = context.weights(parent)
    if inner and any(key.startswith(INNER) for key in weights):
        weights = {
            key.removeprefix(INNER): value
            for key, value in weights.items()
            if key.startswith(INNER)
        }
    load(net.model, weights, source, backbones.backbone(name))
    return net.to(context.device()).eval()


def load_test_images(parent: TrainJob, context: Context, most: int | None = None) -> Images:
    """The test images of a training, at most ``most`` of them, as equal in number a class as the
    classes allow.

    Raises:
        InputError: there is one class only.
    """
    images = read_test(parent.images, context.data_folder(parent.images))
    check_labels(images.labels, len(images.names))
    return cap(images, most)


def native_side(parent: TrainJob) -> int:
    """Side in pixels of a training's stored images; a generated set says it itself."""
    return int(dict(parent.images.spec).get("size", DATASETS[parent.images.name].size))


def load_batches(
    parent: TrainJob,
    context: Context,
    images: Images,
    batch: int,
    *,
    normalized: bool = True,
    augment: Augment | None = None,
) -> Loader:
    """Batches of test images on the context's device.

    Args:
        normalized: as the network sees them; False: pixels in [0, 1].
        augment: the way of an image to the network; None: the training's own.
    """
    row = DATASETS[parent.images.name]
    return Loader(
        images,
        augment or Augment(**dict(parent.augment)),
        batch,
        seed=0,
        train=False,
        mean=row.mean if normalized else NO_SHIFT,
        std=row.std if normalized else NO_SCALE,
        device=context.device(),
        workers=context.workers,
    )


def reported(
    loader: Loader, context: Context, phase: str, start: int = 0
) -> Iterator[tuple[Tensor, Tensor]]:
    """The batches of a loader from ``start`` on, with progress after each."""
    for number, each in enumerate(loader.epoch(0, start), start):
        yield each
        context.progress(phase, number + 1, len(loader), {})
