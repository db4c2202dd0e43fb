"""Execution of kind "localize": boxes from a fine-tuned classifier's class activation maps."""

from __future__ import annotations

import time

import numpy as np

from downstream.localization import localize as wsol
from downstream.localization.cam import activation_maps
from downstream.localization.maps import GrayMaps, center_prior
from downstream.localization.max_box_acc import DELTAS, evaluate, shares
from downstream.localization.readers import Truth, read_truth
from downstream.localization.thresholds import (
    AtThresholds,
    chosen_on_validation,
    chosen_without_boxes,
)
from mixlib.data.augmentations import Augment
from mixlib.data.catalog import DATASETS
from mixlib.data.errors import DataError
from mixlib.data.images import Images, cap
from mixlib.data.readers import read
from pipelines.execute.context import Context
from pipelines.execute.outcome import Outcome
from pipelines.execute.trained import load_batches, reported, trained_network
from pipelines.plan.kinds.localize import LocalizeJob

ROWS, MAPS, SAMPLES = "images.csv", "maps.npy", "samples.npz"


def run(job: LocalizeJob, context: Context) -> Outcome:
    """Draws the maps, thresholds them and measures the boxes."""
    began = time.monotonic()
    row = DATASETS[job.scenes.name]
    images, truth = split(job, context, row.test)
    cams = maps(job, context, images)
    found = wsol.localize(
        cams, truth, job.settings, lambda n, m: context.progress("boxes", n, m, {})
    )
    chosen = wsol.evenly(job.settings.samples, len(truth))
    pictures = {int(i): images.image(int(i)) for i in chosen}
    wsol.write_rows(found, truth, context.folder / ROWS)
    wsol.write_samples(found, cams, truth, pictures, context.folder / SAMPLES)
    others = other_thresholds(job, context, found, cams)
    files = [ROWS, SAMPLES]
    if job.parent is not None:
        np.save(context.folder / MAPS, cams)
        files.append(MAPS)
    return Outcome(
        metrics=found.accuracy.metrics() | named(others),
        history=[],
        seconds=time.monotonic() - began,
        keep=tuple(files),
        more={
            "images": len(truth),
            "thresholds": found.thresholds
            | {name: list(choice.shares) for name, choice in others.items()},
        },
    )


def other_thresholds(
    job: LocalizeJob, context: Context, found: wsol.Localized, cams: np.ndarray
) -> dict[str, AtThresholds]:
    """The test split at thresholds that its boxes did not choose.

    Raises:
        DataError: the split that chooses them is not there, or is empty.
    """
    s, steps = job.settings, shares(job.settings.thresholds)
    images, truth = split(job, context, s.validation)
    validation = evaluate(
        GrayMaps(maps(job, context, images), s.grid),
        truth.on_grid(s.grid),
        steps,
        lambda n, m: context.progress(f"boxes of {s.validation}", n, m, {}),
    )
    return {
        "BoxAccV2_validation": chosen_on_validation(found.accuracy, validation, steps),
        "BoxAccV2_no_boxes": chosen_without_boxes(found.accuracy, GrayMaps(cams, s.grid), steps),
    }


def named(others: dict[str, AtThresholds]) -> dict[str, float]:
    """Means over the overlaps, and each overlap's accuracy ("..._30")."""
    metrics = {}
    for name, choice in others.items():
        metrics[name] = choice.mean
        metrics |= {f"{name}_{d}": v for d, v in zip(DELTAS, choice.accuracy, strict=True)}
    return metrics


def split(job: LocalizeJob, context: Context, name: str) -> tuple[Images, Truth]:
    """Images of a split and their boxes in the same order; the test split capped as the job says.

    Raises:
        DataError: the validation split is not there; says what to do.
    """
    row, root = DATASETS[job.scenes.name], context.data_folder(job.scenes)
    try:
        images, truth = read(row.layout, root, name), read_truth(row.layout, root, name)
    except FileNotFoundError as error:
        if name != "val":
            raise
        raise DataError(
            f"{error}: the threshold is chosen on CUBV2, whose lists belong to "
            f"{root.parent / 'wsol_metadata'} and whose images to {root / 'images'}; without it, "
            "set `validation: train` for localize in the scale"
        ) from None
    if name == row.test:
        images = cap(images, job.scenes.test_cap)
    assert images.paths is not None
    names = [path.relative_to(root / "images").as_posix() for path in images.paths]
    return images, truth.of(names)


def maps(job: LocalizeJob, context: Context, images: Images) -> np.ndarray:
    """The maps [N, h, w] of the images' true classes."""
    s = job.settings
    if job.parent is None:
        shape = (len(images), s.grid, s.grid)
        return np.broadcast_to(center_prior(s.grid, s.center_sigma), shape)
    augment = Augment(s.input, flip=0.0, interpolation=s.interpolation)
    loader = load_batches(job.parent, context, images, s.batch, augment=augment)
    net = trained_network(job.parent, context)
    return activation_maps(net, reported(loader, context, "maps"), s.site)
