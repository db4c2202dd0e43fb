"""Shortening: the settings of a paper cut to a few steps of a few images, otherwise as they are.

Scale `rehearsal` starts every job of the papers' this way.  The whole settings are checked before
they are cut: a batch that its shards do not divide is no smaller fault for being rehearsed.
"""

from __future__ import annotations

from dataclasses import replace

from downstream.detection.settings import DetectSettings
from downstream.segmentation.settings import SegmentSettings
from mixlib.training.recipes import Recipe
from pipelines.declare.scale import Short


def shorten_recipe(recipe: Recipe, short: Short) -> Recipe:
    """A recipe of so many epochs and of so many images a shard, at least four a step; a warm-up
    leaves one epoch.

    Example:
        >>> from mixlib.training.recipes import RECIPES
        >>> cut = shorten_recipe(RECIPES["imagenet_deit"], Short(epochs=2, steps=2, images=2))
        >>> cut.epochs, cut.warmup_epochs, cut.batch, cut.shards
        (2, 1, 16, 8)
    """
    images = max(short.images, -(-4 // recipe.shards))
    return replace(
        recipe,
        epochs=short.epochs,
        warmup_epochs=min(recipe.warmup_epochs, short.epochs - 1),
        batch=images * recipe.shards,
    )


def shorten_detection(settings: DetectSettings, short: Short) -> DetectSettings:
    """A fine-tuning of so many steps, whose rate falls before the last one.

    Of eight shards two are left, of one image each: one takes seconds at full size, and its many
    positions are statistics enough.

    Example:
        >>> from downstream.detection.settings import SETTINGS
        >>> cut = shorten_detection(SETTINGS["coco_2x"], Short(epochs=2, steps=2, images=2))
        >>> cut.iterations, cut.batch, cut.warmup_iters, cut.steps
        (2, 2, 1, (1,))
    """
    shards = min(2, getattr(settings, "shards", 1))
    return replace(
        settings,
        iterations=short.steps,
        batch=2,
        **({"shards": shards} if hasattr(settings, "shards") else {}),
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
