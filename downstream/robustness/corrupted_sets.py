"""Readers of published corruption benchmarks: the CIFAR-10-C and CIFAR-100-C layout (one array a
corruption) and the ImageNet-C layout (one folder of images a corruption and severity)."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from downstream.checks import check_labels
from downstream.errors import InputError
from downstream.robustness.corrupt import check_bytes
from downstream.robustness.severities import CORRUPTIONS, LEVELS, check_corruption
from mixlib.data.open_image import open_image

SUFFIXES = (".jpeg", ".jpg", ".png")


@dataclass(frozen=True, eq=False)
class CorruptedImages:
    """One corruption at all severities.

    Attributes:
        images: uint8 [5, N, H, W, 3], read from the disk when they are asked for.
        labels: int64 [N].
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]


def read_cifar_c(folder: Path, name: str, classes: int) -> CorruptedImages:
    """One corruption of a folder in the CIFAR-C layout, for any number of images.

    ``<name>.npy`` holds uint8 [5 N, H, W, 3], severities in blocks of N; ``labels.npy`` the labels
    of all 5 N, or of N.

    Args:
        classes: of the dataset.

    Raises:
        InputError: an unknown corruption, a file that is missing, corrupt or of another kind,
            a number of images that is no multiple of the five severities, labels that differ
            between severities or lie beyond the classes.
    """
    check_corruption(name)
    path = folder / f"{name}.npy"
    images = _load(path)
    if images.ndim != 4 or images.dtype != np.uint8:
        raise InputError(
            f"{path}: expected uint8 [5 N, H, W, 3], found {images.dtype} of shape "
            f"{list(images.shape)}"
        )
    check_bytes(images)
    if len(images) % len(LEVELS):
        raise InputError(
            f"{path}: expected the images of five severities one after another, found "
            f"{len(images)}, which is no multiple of 5: the file is cut short, or holds another "
            "number of severities"
        )
    count = len(images) // len(LEVELS)
    labels = _labels(folder / "labels.npy", count, classes)
    blocks = np.asarray(images, np.uint8).reshape(len(LEVELS), count, *images.shape[1:])
    return CorruptedImages(blocks, labels)


def _labels(path: Path, count: int, classes: int) -> NDArray[np.int64]:
    """Labels [N] of a CIFAR-C folder with N images at each severity."""
    labels = _load(path)
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise InputError(
            f"{path}: expected integer labels [{len(LEVELS) * count}], found {labels.dtype} of "
            f"shape {list(labels.shape)}"
        )
    if len(labels) not in (count, len(LEVELS) * count):
        raise InputError(
            f"{path}: expected {len(LEVELS) * count} labels, or {count} for one severity, found "
            f"{len(labels)}: wrong number of severities, or labels of another dataset"
        )
    blocks = labels.reshape(-1, count)
    if (blocks != blocks[0]).any():
        raise InputError(
            f"{path}: expected the same labels at all severities, found blocks that differ: the "
            "images are not stored in blocks of one severity"
        )
    check_labels(blocks[0], classes)
    return blocks[0].astype(np.int64)


def _load(path: Path) -> NDArray[np.generic]:
    """A .npy file, mapped into memory."""
    if not path.is_file():
        there = sorted(file.stem for file in path.parent.glob("*.npy"))
        raise InputError(
            f"expected an array at {path}, found "
            f"{'only ' + ', '.join(there) if there else 'no .npy file'}: check that the dataset "
            "is complete"
        )
    try:
        array: NDArray[np.generic] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise InputError(
            f"{path}: cannot be read as a .npy array ({error}): download the file again"
        ) from error
    return array


@dataclass(frozen=True, eq=False)
class ListedImages:
    """Images of one corruption and severity, opened one at a time.

    Attributes:
        paths: N files.
        labels: int64 [N], places of their classes among ``classes``.
        classes: Y names of class folders, sorted.
    """

    paths: tuple[Path, ...]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]

    def image(self, number: int) -> Image.Image:
        """The RGB image at a place.

        Raises:
            DataError: the file is no image; names it.
        """
        return open_image(self.paths[number])


def read_imagenet_c(root: Path, name: str, severity: int) -> ListedImages:
    """One corruption and severity of ``<root>/<name>/<1 to 5>/<class>/<image>``.

    Args:
        root: may also hold the corruptions in groups, ``<root>/<group>/<name>``, as they are
            published (noise, blur, weather, digital, extra).

    Raises:
        InputError: the corruption or one of its severities is missing, or the severities differ in
            their classes or images.
    """
    check_corruption(name, severity)
    folders = [path for path in (root / name, *sorted(root.glob(f"*/{name}"))) if path.is_dir()]
    if not folders:
        there = sorted({path.name for path in root.rglob("*") if path.name in CORRUPTIONS})
        raise InputError(
            f"{root}: expected a folder {name}, found "
            f"{', '.join(there) if there else 'no corruption at all'}"
        )
    folder = folders[0]
    levels = sorted(path.name for path in folder.iterdir() if path.is_dir())
    if levels != [str(level) for level in LEVELS]:
        raise InputError(
            f"{folder}: expected severities 1 to 5, found "
            f"{', '.join(levels) or 'no folder'}: wrong number of severities"
        )
    found = {level: _listed(folder / level) for level in levels}
    ours = [path.relative_to(folder / str(severity)) for path in found[str(severity)]]
    for level, paths in found.items():
        if [path.relative_to(folder / level) for path in paths] != ours:
            raise InputError(
                f"{folder}: expected the same images at all severities, found others at severity "
                f"{level} ({len(paths)}) than at {severity} ({len(ours)})"
            )
    if not ours:
        raise InputError(f"{folder}: expected at least one image, found an empty test set")
    classes = sorted({path.parts[0] for path in ours})
    place = {name: number for number, name in enumerate(classes)}
    labels = np.array([place[path.parts[0]] for path in ours], np.int64)
    return ListedImages(tuple(found[str(severity)]), labels, tuple(classes))


def _listed(folder: Path) -> list[Path]:
    """Images in the class folders of one severity, sorted; hidden files do not count."""
    return sorted(
        path
        for path in folder.glob("*/*")
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
    )
