"""The 100 classes of ImageNet-100: those of a list that the user gives, or the first hundred.

Park et al. (NeurIPS 2022) name the subset and print no list, and several are in use (that of
Contrastive Multiview Coding, Tian et al., ECCV 2020, among them).  So the choice is a file beside
the folder of ImageNet, imagenet100.txt, one class a line (words behind the first are ignored);
without it, the first hundred in alphabetical order.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from mixlib.data.folders import list_classes
from mixlib.data.text_files import Row, read_table

LISTING = "imagenet100.txt"
FIRST = 100


def imagenet100(root: Path) -> tuple[str, ...]:
    """The chosen classes below `root`/train, in the order of their labels.

    Raises:
        DataError: the list names a class twice, or one that `root`/train lacks.
    """
    found = list_classes(root / "train")
    listing = root.parent / LISTING
    if not listing.is_file():
        return found[:FIRST]
    rows = _rows(listing)
    if absent := [row for row in rows if row[0] not in set(found)]:
        raise absent[0].wrong(
            f"classes with a folder in {root / 'train'}",
            f"{absent[0][0]} ({len(absent)} have none)",
            "correct the list, or unpack the classes",
        )
    return tuple(row[0] for row in rows)


def identity(root: Path) -> str:
    """What tells one choice from another, also where ImageNet is not on this machine: the classes
    of the list beside `root`, or "first 100"."""
    listing = root.parent / LISTING
    if not listing.is_file():
        return f"first {FIRST}"
    names = [row[0] for row in _rows(listing)]
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]


def _rows(listing: Path) -> list[Row]:
    return read_table(listing, 1, "a list of classes", more=True, unique=0)
