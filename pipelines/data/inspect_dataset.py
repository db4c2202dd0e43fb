"""Inspection of a dataset's images and annotations, before anything is trained on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from downstream.detection.readers import read_split
from downstream.localization.readers import read_truth
from downstream.robustness.corrupted_sets import read_cifar_c, read_imagenet_c
from downstream.robustness.severities import CORRUPTIONS, LEVELS
from downstream.segmentation.readers import Segmentations, read_segmentations
from mixlib.data.catalog.row import Dataset
from mixlib.data.errors import wrong
from mixlib.data.folders import check_images
from mixlib.data.open_image import image_size
from mixlib.data.readers import READERS, read
from mixlib.data.split_sizes import Inventory, take_inventory

Report = Callable[[int, int], None]
MASKED = ("ade20k", "camvid")
CORRUPTED = ("cifar-c", "imagenet-c")


def inventory(row: Dataset, root: Path) -> Inventory:
    """Splits and classes of a dataset of any layout, by the readers that jobs use.

    Raises:
        MissingFileError: naming the list, folder or image that is missing.
        DataError: naming the file that is not what it has to be.
    """
    if row.layout in MASKED:
        found = {split: _masks(row, root, split) for split, _ in row.splits}
        return Inventory({s: len(own) for s, own in found.items()}, found[row.train].names)
    if row.layout == "cifar-c":
        labels = [read_cifar_c(root, name, row.classes).labels for name in CORRUPTIONS]
        if len({len(own) for own in labels}) > 1:
            counts = ", ".join(
                f"{len(own)} of {n}" for n, own in zip(CORRUPTIONS, labels, strict=True)
            )
            raise wrong(root, "as many images of every corruption", counts, "download it again")
        return Inventory({row.test: len(labels[0])}, tuple(map(str, range(row.classes))))
    if row.layout == "imagenet-c":
        listed = [read_imagenet_c(root, name, LEVELS[0]) for name in CORRUPTIONS]
        return Inventory({row.test: len(listed[0].paths)}, listed[0].classes)
    return take_inventory(row, root)


def _masks(row: Dataset, root: Path, split: str) -> Segmentations:
    return read_segmentations(
        row.layout, root, split, None if row.identity == "generated" else row.classes
    )


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
    if row.layout in CORRUPTED:
        return  # every array, or list of images, was read to count it
    for split, _ in row.splits:
        if row.layout in MASKED:
            own = _masks(row, folder, split)
            check_images(own.images)
            for number in range(len(own)):
                own.mask(number)
                report(number + 1, len(own))
            continue
        if row.layout not in READERS:
            _inspect_scenes(row.layout, folder, split, tuple(classes), report)
            continue
        paths = read(row.layout, folder, split).paths
        if paths is not None:
            check_images(paths, report)
        if row.layout == "cub":
            read_truth(row.layout, folder, split)


def _inspect_scenes(
    layout: str, folder: Path, split: str, classes: tuple[str, ...], report: Report
) -> None:
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
