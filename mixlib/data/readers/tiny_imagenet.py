"""Tiny-ImageNet's official layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mixlib.data.errors import existing
from mixlib.data.images import Images
from mixlib.data.readers.imagefolder import images_of_classes
from mixlib.data.text_files import read_list, read_table


def read_tiny_imagenet(root: Path, split: str) -> Images:
    """train/<wnid>/images/*, val/images/* with val_annotations.txt; classes in the order of
    wnids.txt. The test split has no public labels.

    Raises:
        ValueError: for another split.
        DataError: a line of val_annotations.txt with an unknown class.
    """
    if split not in ("train", "val"):
        raise ValueError(f"Tiny-ImageNet has labels for train and val, found split {split!r}")
    names = tuple(row[0] for row in read_list(root / "wnids.txt", "a list of classes"))
    if split == "train":
        return images_of_classes(
            existing(root / "train", "a folder with one folder a class"), names, True, "images"
        )
    number = {name: label for label, name in enumerate(names)}
    source = root / "val" / "val_annotations.txt"
    rows = read_table(source, 2, "a list of images", separator="\t", more=True, unique=0)
    for row in rows:
        if row[1] not in number:
            raise row.wrong(f"a class of {root / 'wnids.txt'}", repr(row[1]))
    paths = tuple(root / "val" / "images" / row[0] for row in rows)
    labels = np.array([number[row[1]] for row in rows], np.int64)
    return Images(labels, names, paths=paths)
