"""Shortening: a job of the papers' cut to a few steps of a few images, otherwise as it is.

Scale `rehearsal` starts every job of the papers' this way.  A job is made, and checked, whole, and
then cut: a batch that its shards do not divide is no smaller fault for being rehearsed.
"""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from typing import Any, TypeVar

from downstream.detection.settings import DetectSettings
from downstream.segmentation.settings import SegmentSettings
from mixlib.training.recipes import Recipe
from pipelines.declare.scale import Short
from pipelines.plan.inputs import Data
from pipelines.plan.job import Job

J = TypeVar("J", bound=Job)
SHARDS = 2
"""Shards that are left: one after another in a process, and averaged, as eight would be."""
RATES = ("lr", "min_lr", "block_lr", "block_min_lr")
LEAST = 4
"""Images of a training's step, and of those held out."""


def shorten(job: J, short: Short) -> J:
    """The job, and whatever it starts from, cut: trainings see the images of so many steps."""
    changes: dict[str, Any] = {}
    for field in dataclasses.fields(job):
        value = getattr(job, field.name)
        if isinstance(value, Job):
            changes[field.name] = shorten(value, short)
        elif isinstance(value, DetectSettings):
            changes[field.name] = shorten_detection(value, short)
        elif isinstance(value, SegmentSettings):
            changes[field.name] = shorten_segmentation(value, short)
        elif isinstance(value, Recipe):
            cut = changes[field.name] = shorten_recipe(value, short)
            changes["images"] = shorten_images(job.data, cut.batch * short.steps)
            snapshots = getattr(job, "snapshots", ())
            changes["snapshots"] = tuple(e for e in snapshots if e <= cut.epochs)
    return job.replace(**changes)


def shorten_images(data: Data, used: int) -> Data:
    """A dataset of which so many images are trained on; few are held out, where any are.

    Example:
        >>> shorten_images(Data("mine", "mine-1", held_out=1000), 8).train_cap
        12
    """
    held = None if data.held_out is None else min(data.held_out, LEAST)
    return replace(data, train_cap=used + (held or 0), held_out=held)


def shorten_recipe(recipe: Recipe, short: Short) -> Recipe:
    """A recipe of at most so many epochs and of so many images a shard, at least four a step; of
    eight shards two are left, a warm-up leaves one epoch.

    Learning rates shrink with the batch (Goyal et al., 2017): a run that diverges would end before
    it is measured.

    Example:
        >>> from mixlib.training.recipes import RECIPES
        >>> cut = shorten_recipe(RECIPES["imagenet_deit"], Short(epochs=2, steps=2, images=2))
        >>> cut.epochs, cut.warmup_epochs, cut.batch, cut.shards
        (2, 1, 4, 2)
        >>> round(RECIPES["imagenet_deit"].lr / cut.lr)
        256
    """
    epochs, shards = min(short.epochs, recipe.epochs), min(SHARDS, recipe.shards)
    batch = max(short.images * shards, LEAST)
    share = min(1.0, batch / recipe.batch)
    rates = {name: getattr(recipe, name) for name in RATES}
    return replace(
        recipe,
        **{name: rate * share for name, rate in rates.items() if rate is not None},
        epochs=epochs,
        warmup_epochs=max(0, min(recipe.warmup_epochs, epochs - 1)),
        batch=batch,
        shards=shards,
    )


def shorten_detection(settings: DetectSettings, short: Short) -> DetectSettings:
    """A fine-tuning of so many steps, whose rate falls before the last one.

    Its two shards have one image each: one takes seconds at full size, and its many positions are
    statistics enough.

    Example:
        >>> from downstream.detection.settings import SETTINGS
        >>> cut = shorten_detection(SETTINGS["coco_2x"], Short(epochs=2, steps=2, images=2))
        >>> cut.iterations, cut.batch, cut.warmup_iters, cut.steps
        (2, 2, 1, (1,))
    """
    shards = min(SHARDS, settings.shards)
    return replace(
        settings,
        iterations=short.steps,
        batch=max(shards, short.images),
        shards=shards,
        warmup_iters=min(settings.warmup_iters, short.steps - 1),
        steps=(short.steps - 1,) if settings.steps and short.steps > 1 else (),
        precise_bn_iters=min(settings.precise_bn_iters, 1),
    )


def shorten_segmentation(settings: SegmentSettings, short: Short) -> SegmentSettings:
    """A fine-tuning of so many steps.

    Example:
        >>> cut = shorten_segmentation(SegmentSettings(), Short(epochs=2, steps=2, images=2))
        >>> cut.steps, cut.batch, cut.warmup, cut.crop
        (2, 2, 1, 512)
    """
    return replace(
        settings,
        steps=short.steps,
        batch=short.images,
        warmup=min(settings.warmup, short.steps - 1),
    )
