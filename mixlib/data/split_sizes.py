"""Sizes of the splits on disk, and the class names."""

from __future__ import annotations

import json
from pathlib import Path

from mixlib.data.catalog.row import Dataset
from mixlib.data.readers import READERS, read


def take(row: Dataset, root: Path) -> tuple[dict[str, int], tuple[str, ...]]:
    """({split: images}, class names) of the dataset in `root`, counted from its lists.

    Raises:
        FileNotFoundError: naming the list or folder that is missing.
    """
    splits = [split for split, _ in row.splits]
    if row.layout in READERS:
        found = {split: read(row.layout, root, split) for split in splits}
        return {split: len(images) for split, images in found.items()}, found[row.train].names
    if row.layout == "coco":
        return _coco(root, splits)
    return _voc(root, splits)


def _coco(root: Path, splits: list[str]) -> tuple[dict[str, int], tuple[str, ...]]:
    counts, names = {}, {}
    for split in splits:
        document = json.loads((root / "annotations" / f"instances_{split}.json").read_text())
        counts[split] = len(document["images"])
        names = {kind["id"]: kind["name"] for kind in document["categories"]}
    return counts, tuple(names[key] for key in sorted(names))


def _voc(root: Path, splits: list[str]) -> tuple[dict[str, int], tuple[str, ...]]:
    """Split '<list>07<12>' or '<list>2007' names a list of VOC2007, and of VOC2012 where it ends in
    0712.
    """
    counts = {}
    for split in splits:
        both = split.endswith("0712")
        name = split.removesuffix("0712" if both else "2007")
        years = ("VOC2007", "VOC2012") if both else ("VOC2007",)
        lists = [root / year / "ImageSets" / "Main" / f"{name}.txt" for year in years]
        counts[split] = sum(len(path.read_text().split()) for path in lists)
    main = root / "VOC2007" / "ImageSets" / "Main"
    ending = "_trainval.txt"
    return counts, tuple(sorted(p.name.removesuffix(ending) for p in main.glob(f"*{ending}")))
