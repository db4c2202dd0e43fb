"""Readers of the boxes of localization datasets: CUB_200_2011 and the WSOL metadata.

CUB_200_2011 (Wah et al., 2011) lists boxes as x, y, width, height; the metadata published with
MaxBoxAccV2 (Choe et al., CVPR 2020) as x0, y0, x1, y1 with x1 = x + width, one line a box. Both are
read to the latter, in whole pixels of the original image.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mixlib.data.errors import DataError
from mixlib.data.open_image import image_size
from mixlib.data.readers import cub, wsol
from mixlib.data.text_files import read_table


@dataclass(frozen=True, eq=False)
class Truth:
    """The true boxes of a split.

    Attributes:
        names: ids of the N images: paths below the folder of images.
        labels: int64 [N], from 0.
        sizes: int64 [N, 2], (width, height) of the original images.
        boxes: N arrays int64 [G, 4] in original pixels, (x0, y0, x1, y1).
        source: file or folder to name in messages.
    """

    names: tuple[str, ...]
    labels: NDArray[np.int64]
    sizes: NDArray[np.int64]
    boxes: tuple[NDArray[np.int64], ...]
    source: str

    def __post_init__(self) -> None:
        if not self.names:
            raise DataError(f"{self.source}: expected at least one image, found an empty split")
        for name, (width, height), boxes in zip(self.names, self.sizes, self.boxes, strict=True):
            _check(self.source, name, int(width), int(height), boxes)

    def __len__(self) -> int:
        return len(self.names)

    def of(self, names: Iterable[str]) -> "Truth":
        """The same for these images, in this order.

        Raises:
            DataError: an image is not listed; names it.
        """
        place = {name: i for i, name in enumerate(self.names)}
        wanted = list(names)
        for name in wanted:
            if name not in place:
                raise DataError(
                    f"{self.source}: no entry for the image {name!r} (it lists {len(self)} "
                    "images): add its size and box, or leave the image out of the split"
                )
        index = np.array([place[name] for name in wanted], np.int64)
        boxes = tuple(self.boxes[i] for i in index)
        return Truth(tuple(wanted), self.labels[index], self.sizes[index], boxes, self.source)

    def on_grid(self, size: int) -> tuple[NDArray[np.int64], ...]:
        """The boxes in pixels of images resized to ``size`` x ``size``, each number cut off."""
        return tuple(
            boxes * size // np.tile(sides, 2)
            for boxes, sides in zip(self.boxes, self.sizes, strict=True)
        )


def _check(source: str, name: str, width: int, height: int, boxes: NDArray[np.int64]) -> None:
    """Refuses an image without boxes, and boxes that are empty or leave it."""
    if not len(boxes):
        raise DataError(f"{source}: {name} has no box: add one, or leave the image out")
    for x0, y0, x1, y1 in boxes.tolist():
        if min(x0, y0) < 0 or x1 > width or y1 > height:
            raise DataError(
                f"{source}: {name}: expected boxes inside the {width} x {height} image, found "
                f"({x0}, {y0}, {x1}, {y1}): correct the box, or the image's size"
            )
        if x1 <= x0 or y1 <= y0:
            raise DataError(
                f"{source}: {name}: expected x0 < x1 and y0 < y1, found a box without area, "
                f"({x0}, {y0}, {x1}, {y1}): correct it, or leave the image out"
            )


def read_truth(layout: str, root: Path, split: str) -> Truth:
    """The true boxes of a split of a dataset in the "cub" layout.

    Train and test come from CUB's own lists; "val" (CUBV2) stands only in the WSOL metadata beside.

    Raises:
        DataError: another layout, or any fault in the files.
        FileNotFoundError: naming the list that was expected.
    """
    if layout != "cub":
        raise DataError(f"expected a dataset in the cub layout, found {layout!r}")
    if split in ("train", "test"):
        return read_cub(root, split)
    return read_wsol(root.parent / "wsol_metadata" / "CUB" / split)


def read_cub(root: Path, split: str) -> Truth:
    """Split "train" or "test" of CUB_200_2011 below ``root``; sizes come from the images' headers.

    Raises:
        DataError: an image has no line in bounding_boxes.txt, or an impossible one.
        FileNotFoundError: naming the list or image that was expected.
    """
    images = cub.read_images(root, split)
    source = root / "bounding_boxes.txt"
    listed = {row[0]: row for row in read_table(source, 5, "a list of boxes", unique=0)}
    boxes = []
    for image in images:
        if image.number not in listed:
            raise DataError(
                f"{source}: no box for the image {image.name!r} (number {image.number}): add its "
                "line"
            )
        x, y, w, h = (int(listed[image.number].number(column)) for column in range(1, 5))
        boxes.append(np.array([[x, y, x + w, y + h]]))
    return Truth(
        tuple(image.name for image in images),
        np.array([image.label for image in images], np.int64),
        _pairs([image_size(image.path) for image in images]),
        tuple(boxes),
        str(source),
    )


def read_wsol(folder: Path) -> Truth:
    """One split in the WSOL metadata format: image_ids, class_labels, image_sizes, localization.

    Raises:
        DataError: an image lacks a label, size or box, or a line is malformed.
        FileNotFoundError: naming the list that was expected.
    """
    names = tuple(row[0] for row in wsol.read_ids(folder))
    labels = {row[0]: row.integer(1, 0) for row in wsol.read_labels(folder)}
    sizes = {row[0]: (row.integer(1, 1), row.integer(2, 1)) for row in wsol.read_sizes(folder)}
    boxes: dict[str, list[list[int]]] = {name: [] for name in names}
    for row in wsol.read_boxes(folder):
        boxes.setdefault(row[0], []).append([row.integer(column) for column in range(1, 5)])
    tables: tuple[tuple[str, Mapping[str, object]], ...] = (
        ("class_labels", labels),
        ("image_sizes", sizes),
    )
    for file, table in tables:
        lost = next((name for name in names if name not in table), None)
        if lost is not None:
            raise DataError(f"{folder / file}.txt: no entry for the image {lost!r}: add its line")
    return Truth(
        names,
        np.array([labels[name] for name in names], np.int64),
        _pairs([sizes[name] for name in names]),
        tuple(np.array(boxes[name], np.int64).reshape(-1, 4) for name in names),
        str(folder / "localization.txt"),
    )


def _pairs(sizes: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    return np.array(sizes, np.int64).reshape(-1, 2)
