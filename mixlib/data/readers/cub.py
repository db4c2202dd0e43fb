"""CUB-200-2011's lists (Wah et al., 2011): the one reader for labels and for boxes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mixlib.data.errors import wrong
from mixlib.data.images import Images
from mixlib.data.readers.wsol import read_labels
from mixlib.data.text_files import Row, read_table, refuse_repeated

SPLITS = ("train", "test")


@dataclass(frozen=True)
class CubImage:
    """One line of images.txt: its number, its path below the folder of images, and its label."""

    number: str
    name: str
    path: Path
    label: int


def read_cub(root: Path, split: str) -> Images:
    """Split 'train' or 'test' of CUB's own lists, or 'val' of the WSOL metadata beside the folder.

    Raises:
        ValueError: for another split.
        DataError: names the list and the line that is malformed, missing or repeated.
    """
    names = read_classes(root)
    if split == "val":
        rows = read_labels(root.parent / "wsol_metadata" / "CUB" / "val")
        labels = [row.integer(1, 0, len(names) - 1) for row in rows]
        paths = tuple(root / "images" / row[0] for row in rows)
        return Images(np.array(labels, np.int64), names, paths=paths)
    images = read_images(root, split)
    labels = [image.label for image in images]
    return Images(np.array(labels, np.int64), names, paths=tuple(image.path for image in images))


def read_classes(root: Path) -> tuple[str, ...]:
    """Class names in the order of classes.txt."""
    return tuple(
        row[1] for row in read_table(root / "classes.txt", 2, "a list of classes", unique=0)
    )


def read_images(root: Path, split: str) -> list[CubImage]:
    """The images of split 'train' or 'test', in the order of images.txt."""
    if split not in SPLITS:
        raise ValueError(f"CUB has the splits train, test and val, found {split!r}")
    listed = read_table(root / "images.txt", 2, "a list of images", unique=0)
    refuse_repeated(listed, 1)
    classes = len(read_classes(root))
    label = numbered(root / "image_class_labels.txt", 2, listed)
    is_train = numbered(root / "train_test_split.txt", 2, listed)
    chosen = [row for row in listed if is_train[row[0]].integer(1, 0, 1) == (split == "train")]
    return [
        CubImage(row[0], row[1], root / "images" / row[1], label[row[0]].integer(1, 1, classes) - 1)
        for row in chosen
    ]


def numbered(path: Path, columns: int, listed: list[Row]) -> dict[str, Row]:
    """The lines of a list by the number of their image.

    Raises:
        DataError: an image that images.txt lists has no line.
    """
    rows = {row[0]: row for row in read_table(path, columns, "a list", unique=0)}
    for row in listed:
        if row[0] not in rows:
            expected = f"a line for the image {row[1]!r} (number {row[0]})"
            raise wrong(path, expected, "none", f"add it, or drop line {row.line} of images.txt")
    return rows
