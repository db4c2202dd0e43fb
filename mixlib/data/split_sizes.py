"""Sizes of the splits on disk, the class names, and what was found beside the images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mixlib.data.catalog.row import Dataset
from mixlib.data.errors import wrong
from mixlib.data.readers import READERS, coco, read, voc


@dataclass(frozen=True)
class Inventory:
    """What a dataset's folder holds: images of each split, class names, and remarks for people."""

    splits: dict[str, int]
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()


def take_inventory(row: Dataset, root: Path) -> Inventory:
    """Counts the splits of the dataset in `root` by the readers that training uses.

    Raises:
        MissingFileError: naming the list, folder or image that is missing.
        DataError: naming the file that is not what it has to be.
    """
    splits = [split for split, _ in row.splits]
    if row.layout in READERS:
        found = {split: read(row.layout, root, split) for split in splits}
        notes = tuple(note for images in found.values() for note in images.notes)
        counts = {split: len(images) for split, images in found.items()}
        return Inventory(counts, found[row.train].names, notes)
    if row.layout == "coco":
        return _coco(root, splits)
    counts = {
        split: sum(len(voc.read_names(root, year, name)) for year, name in voc.SPLITS[split])
        for split in splits
    }
    return Inventory(counts, voc.read_classes(root))


def _coco(root: Path, splits: list[str]) -> Inventory:
    found = {s: coco.read_instances(coco.annotation_file(root, s)) for s in splits}
    names = found[splits[0]].names
    for content in found.values():
        if unknown := sorted(set(content.names) - set(names)):
            expected = f"a category of {found[splits[0]].source}"
            raise wrong(content.source, expected, repr(unknown[0]), "use files of one release")
    return Inventory({split: len(content.images) for split, content in found.items()}, names)
