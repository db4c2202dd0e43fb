"""ImageFolder layout, torchvision's: <split>/<class>/**/<image>."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mixlib.data.errors import existing, wrong
from mixlib.data.folders import list_classes, list_images
from mixlib.data.imagenet100 import imagenet100
from mixlib.data.images import Images

TRAIN = "train"
"""The split whose folders number the classes."""


def read_imagefolder(root: Path, split: str) -> Images:
    """`root`/<split>/<class>/**/<image>; classes are the folders of `root`/train, in alphabetical
    order, for every split.

    Raises:
        DataError: a training class without an image, or a class that training does not have.
    """
    names = list_classes(existing(root / TRAIN, "a folder with one folder a class"))
    folder = existing(root / split, "a folder with one folder a class")
    if unknown := sorted(set(list_classes(folder)) - set(names)):
        raise wrong(
            folder / unknown[0],
            f"a class of {root / TRAIN}, which numbers the classes",
            f"the class {unknown[0]!r}",
            "add it to the training split, or leave it out",
        )
    return images_of_classes(folder, names, split == TRAIN)


def read_imagenet100(root: Path, split: str) -> Images:
    """The same of the classes that :func:`mixlib.data.imagenet100.imagenet100` chooses."""
    existing(root / TRAIN, "ImageNet's folder with one folder a class")
    folder = existing(root / split, "a folder with one folder a class")
    return images_of_classes(folder, imagenet100(root), split == TRAIN)


def images_of_classes(
    folder: Path, names: Sequence[str], complete: bool, below: str = ""
) -> Images:
    """The images of `folder`/<name>/`below` for every class name, labeled by its place.

    Args:
        folder: the folder of a split.
        names: classes in the order of their labels.
        complete: whether every class must have an image.
        below: folder between a class and its images.

    Raises:
        DataError: a class without an image where every class must have one.
    """
    paths: list[Path] = []
    labels: list[int] = []
    skipped, empty = 0, []
    for label, name in enumerate(names):
        found = list_images(folder / name / below)
        paths += found.paths
        labels += [label] * len(found.paths)
        skipped += found.skipped
        if not found.paths:
            empty.append(name)
    if empty and complete:
        raise wrong(
            folder / empty[0],
            "at least one image of every training class",
            f"{len(empty)} of {len(names)} classes without one",
            "unpack the images, or remove the empty folders in every split",
        )
    notes = [f"{folder}: {skipped} hidden or other files skipped"] if skipped else []
    if empty:
        notes.append(f"{folder}: no image of {len(empty)} classes ({', '.join(empty[:3])} ...)")
    return Images(
        np.asarray(labels, np.int64), tuple(names), paths=tuple(paths), notes=tuple(notes)
    )
