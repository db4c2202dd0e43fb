"""Places205's lists of images and labels (Zhou et al., 2014)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mixlib.data.images import Images
from mixlib.data.text_files import Row, read_list, refuse_repeated


def read_places(root: Path, split: str) -> Images:
    """<split>_places205.csv with lines '<a>/<category>/<image>,<label>' or blank-separated.

    Categories have no names here; there are as many as the training list numbers.

    Raises:
        DataError: a label that the training list does not have.
    """
    classes = 1 + max((row.integer(1, 0) for row in _lines(root, "train")), default=-1)
    rows = _lines(root, split)
    labels = np.array([row.integer(1, 0, classes - 1) for row in rows], np.int64)
    paths = tuple(root / "images" / row[0] for row in rows)
    return Images(labels, tuple(map(str, range(classes))), paths=paths)


def _lines(root: Path, split: str) -> list[Row]:
    rows = read_list(root / f"{split}_places205.csv", "a list of images", unique=False)
    for row in rows:
        name, comma, label = row[0].rpartition(",")
        # a comma may belong to the image's name
        row.fields = (name.rstrip(), label.strip())
        if not comma or len(label.split()) != 1:
            row.fields = tuple(f"{name}{comma}{label}".rsplit(None, 1))
        if len(row.fields) != 2:
            raise row.wrong("an image and its label", repr(row[0]))
    refuse_repeated(rows, 0)
    return rows
