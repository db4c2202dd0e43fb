"""Inspection of a dataset's images and annotations, before anything is trained on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from mixlib.data.catalog.row import Dataset
from mixlib.data.errors import wrong
from mixlib.data.folders import check_images
from mixlib.data.open_image import image_size
from mixlib.data.readers import READERS, read

Report = Callable[[int, int], None]


def inspect_images(
    row: Dataset, folder: Path, classes: Sequence[str], report: Report = lambda done, total: None
) -> None:
    """Looks at every image and annotation of all splits: files exist and are not empty, boxes lie
    inside their images, and annotated images have the annotated size.

    Args:
        row: the dataset.
        folder: where it lies.
        classes: its class names.
        report: called with (images done, images of the split).

    Raises:
        MissingFileError: an image is not there; names one that differs in suffix or case only.
        DataError: names the first file that is not what it has to be.
    """
    for split, _ in row.splits:
        if row.layout not in READERS:
            _inspect_scenes(row.layout, folder, split, tuple(classes), report)
            continue
        paths = read(row.layout, folder, split).paths
        if paths is not None:
            check_images(paths, report)
        if row.layout == "cub":
            from downstream.localization.readers import read_truth

            read_truth(row.layout, folder, split)


def _inspect_scenes(
    layout: str, folder: Path, split: str, classes: tuple[str, ...], report: Report
) -> None:
    from downstream.detection.readers import read_split

    items = read_split(layout, folder, split, classes).items
    check_images([item.path for item in items if item.path])
    for number, item in enumerate(items, 1):
        assert item.path is not None
        found = image_size(item.path, upright=True)
        if found != (item.width, item.height):
            expected = f"{item.width} x {item.height} pixels as annotated"
            shown = f"{found[0]} x {found[1]}"
            raise wrong(item.path, expected, shown, "image and annotation do not belong together")
        report(number, len(items))
