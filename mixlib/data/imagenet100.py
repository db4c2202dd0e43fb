"""The 100 classes of ImageNet-100: those of a list that the user gives, or the first hundred.

Park et al. (NeurIPS 2022) name the subset and print no list, and several are in use (that of
Contrastive Multiview Coding, Tian et al., ECCV 2020, among them).  So the choice is a file beside
the folder of ImageNet, imagenet100.txt, one class a line (words behind the first are ignored);
without it, the first hundred in alphabetical order.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

LISTING = "imagenet100.txt"
FIRST = 100


def imagenet100(root: Path) -> tuple[str, ...]:
    """The chosen classes below `root`/train, in the order of their labels.

    Raises:
        ValueError: the list names a class twice, or one that `root`/train lacks.
    """
    found = sorted(entry.name for entry in (root / "train").iterdir() if entry.is_dir())
    listing = root.parent / LISTING
    if not listing.is_file():
        return tuple(found[:FIRST])
    names = _names(listing)
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{listing}: expected every class once, found {twice[0]} more than once")
    if absent := sorted(set(names) - set(found)):
        raise ValueError(
            f"{listing}: expected classes with a folder in {root / 'train'}, found {absent[0]} "
            f"({len(absent)} have none): correct the list, or unpack the classes"
        )
    return names


def identity(root: Path) -> str:
    """What tells one choice from another, also where ImageNet is not on this machine: the classes
    of the list beside `root`, or "first 100"."""
    listing = root.parent / LISTING
    if not listing.is_file():
        return f"first {FIRST}"
    return hashlib.sha256("\n".join(_names(listing)).encode()).hexdigest()[:16]


def _names(listing: Path) -> tuple[str, ...]:
    return tuple(line.split()[0] for line in listing.read_text().splitlines() if line.strip())
