"""Stand-ins of the published sets: drawn on demand in the official layout, with the official
classes, names of splits and normalization, and a handful of images.

For scale `rehearsal`, in which every job starts, trains and is measured once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from mixlib.data.catalog.row import Dataset
from mixlib.data.shapes.scenes import Shapes

SUFFIX = "_drawn"
COUNTS = {"train": 32, "val": 8, "test": 8}
"""Images of a stand-in, where its layout does not need one a class."""
SCENES = {"train": 8, "val": 2, "test": 0}
"""The same of large scenes, which take the longest to look at."""
SIDES = {"imagenet": 256, "imagenet100": 256}
"""Pixels of a drawn image, where not those of the row: what a crop of 224 pixels is cut from."""
EVERY_CLASS = ("imagefolder", "imagenet100", "tiny-imagenet", "list")
"""Layouts that show a class by an image."""
SEVERAL: dict[str, Any] = {
    "objects": (2, 6),
    "radius": (0.09, 0.20),
    "outline": 0.8,
    "surface": 0.7,
    "hue": 0.6,
    "mark": 0.6,
    "least": 2,
    "crowd": 0.08,
}
"""Scenes of several objects, for detectors and segmenters."""
ONE: dict[str, Any] = {"anywhere": True, "radius": (0.24, 0.34), "least": 2}


def stand_in(row: Dataset) -> Dataset:
    """The row of a published set's stand-in.

    Example:
        >>> from mixlib.data.catalog.official import CLASSIFICATION
        >>> row = stand_in(CLASSIFICATION[1])
        >>> row.name, row.classes, row.layout, row.train
        ('cifar100_drawn', 100, 'cifar-pickle', 'train')
    """
    several = row.layout in ("voc", "coco", "ade20k")
    counts: dict[str, Any] = dict(SCENES if several else COUNTS)
    if row.layout in EVERY_CLASS:
        counts["train"] = row.classes
    elif row.layout == "cifar-c":
        counts["train"] = 0
    spec = Shapes(
        **counts,
        size=SIDES.get(row.name, row.size),
        # the background is a class of its own there
        classes=row.classes - (row.layout == "ade20k"),
        **(SEVERAL if several else ONE),
    )
    return replace(
        row,
        name=f"{row.name}{SUFFIX}",
        title=f"{row.title} (drawn)",
        splits=tuple(
            (split, spec.train if split.startswith("train") else spec.val)
            for split, _ in row.splits
        ),
        citation="drawn by mixlib.data.shapes.scenes",
        needs=(),
        archives=(),
        how=f"nothing to fetch: `python -m pipelines.data prepare {row.name}{SUFFIX}` draws it",
        identity="generated",
        spec=spec,
        revision=1,
        per_class=(),
        gib=0.0,
    )


def stand_ins(rows: Iterable[Dataset]) -> tuple[Dataset, ...]:
    """Stand-ins of all sets with classes of their own, but folders of images for each corruption:
    no table reads them.

    Example:
        >>> from mixlib.data.catalog.official import DETECTION
        >>> [row.name for row in stand_ins(DETECTION)]
        ['voc0712_drawn', 'coco2017_drawn']
    """
    return tuple(stand_in(row) for row in rows if row.classes and row.layout != "imagenet-c")
