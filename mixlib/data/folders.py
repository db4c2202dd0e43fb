"""Folders of a dataset: which of their entries are images and classes, and where an image lies.

One rule for all readers: hidden files and folders, what desktops and notebooks leave behind, and
files that are no images are skipped and counted.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from mixlib.data.errors import MissingFileError, existing, missing, wrong

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm", ".tif", ".tiff")
_LEFTOVERS = {"thumbs.db", "desktop.ini", "__macosx", "@eadir", "lost+found", "$recycle.bin"}


def hidden(name: str) -> bool:
    """Whether an entry belongs to an editor, a notebook or a desktop, and not to the dataset.

    Example:
        >>> [hidden(name) for name in (".DS_Store", "a-checkpoint.png", "Thumbs.db", "a.png")]
        [True, True, True, False]
    """
    lower = name.lower()
    copied = PurePath(lower).stem.endswith("-checkpoint") and "." in lower
    return lower.startswith(".") or lower.endswith("~") or lower in _LEFTOVERS or copied


@dataclass(frozen=True)
class Listing:
    """The images of one folder, sorted by path, and how many files were skipped."""

    paths: tuple[Path, ...]
    skipped: int


def list_images(folder: Path) -> Listing:
    """All images below a folder; hidden and other files are skipped and counted."""
    found, skipped = [], 0
    for place, folders, files in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not hidden(name)]
        for name in files:
            if name.lower().endswith(SUFFIXES) and not hidden(name):
                found.append(Path(place, name))
            else:
                skipped += 1
    return Listing(tuple(sorted(found)), skipped)


def list_classes(folder: Path) -> tuple[str, ...]:
    """Names of the class folders in a folder, in alphabetical order; hidden ones are none.

    Raises:
        MissingFileError: there is no such folder, or no class in it.
    """
    existing(folder, "a folder with one folder a class")
    names = (entry.name for entry in os.scandir(folder) if entry.is_dir())
    if not (classes := tuple(sorted(name for name in names if not hidden(name)))):
        raise missing(folder / "<class>", "folders of classes")
    return classes


class FolderIndex:
    """Which files exist: each folder is listed once, so that looking up many files is quick."""

    def __init__(self) -> None:
        self._folders: dict[Path, set[str]] = {}

    def __contains__(self, path: Path) -> bool:
        return path.name in self._list(path.parent)

    def find(self, path: Path, named_by: str = "") -> Path:
        """The path itself.

        Raises:
            MissingFileError: there is no such file; names what names it, and a file that differs
                in its suffix or case only.
        """
        if path in self:
            return path
        start = f"{named_by}: " if named_by else ""
        near = _near(path.name, self._list(path.parent))
        raise MissingFileError(f"{start}{path} is missing{near}", path)

    def _list(self, folder: Path) -> set[str]:
        if folder not in self._folders:
            found = os.scandir(folder) if folder.is_dir() else ()
            self._folders[folder] = {entry.name for entry in found if not entry.is_dir()}
        return self._folders[folder]


def check_images(
    paths: Sequence[Path], report: Callable[[int, int], None] = lambda done, total: None
) -> None:
    """Refuses images that lists name and that are not there, or are empty files.

    Args:
        paths: the images.
        report: called with (images looked at, images in all) now and then.

    Raises:
        MissingFileError: an image is missing; names one that differs in suffix or case only.
        DataError: an image is an empty file.
    """
    index = FolderIndex()
    for number, path in enumerate(paths, 1):
        if not index.find(path).stat().st_size:
            raise wrong(path, "an image", "an empty file", "fetch it again, or leave it out")
        if number % 100 == 0 or number == len(paths):
            report(number, len(paths))


def _near(name: str, files: set[str]) -> str:
    """What the message adds: a file of nearly that name, or that the folder lacks it."""
    stem = PurePath(name).stem.lower()
    alike = [
        other
        for other in sorted(files)
        if other.lower() == name.lower() or PurePath(other).stem.lower() == stem
    ]
    if not alike:
        return ": fetch the images, or leave it out of the list"
    return f", but {alike[0]} lies there: rename it (suffix and case must agree)"
