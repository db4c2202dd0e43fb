"""WSOL metadata, published with MaxBoxAccV2 (Choe et al., CVPR 2020): lists of one split."""

from __future__ import annotations

from pathlib import Path

from mixlib.data.text_files import Row, read_list, read_table


def read_ids(folder: Path) -> list[Row]:
    """image_ids.txt: the images of the split, paths below the folder of images."""
    return read_list(folder / "image_ids.txt", "a list of images")


def read_labels(folder: Path) -> list[Row]:
    """class_labels.txt: image, label from 0."""
    return _read(folder / "class_labels.txt", 2, unique=0)


def read_sizes(folder: Path) -> list[Row]:
    """image_sizes.txt: image, width, height."""
    return _read(folder / "image_sizes.txt", 3, unique=0)


def read_boxes(folder: Path) -> list[Row]:
    """localization.txt: image, x0, y0, x1, y1; an image may have several lines."""
    return _read(folder / "localization.txt", 5, unique=None)


def _read(path: Path, columns: int, unique: int | None) -> list[Row]:
    return read_table(path, columns, "a list", separator=",", wide=0, unique=unique)
