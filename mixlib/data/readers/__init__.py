"""Readers of classification datasets: the images and labels of a split.

`read(layout, root, split)` returns `Images`: small sets as one array in memory, large ones as a
list of paths.  Classes are numbered once a dataset, by its official list or its training split;
other splits are mapped by name.  Every image that a list names is looked for when the split is
read.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mixlib.data.errors import missing
from mixlib.data.images import Images
from mixlib.data.readers.aircraft import read_aircraft
from mixlib.data.readers.cifar import read_cifar
from mixlib.data.readers.cub import read_cub
from mixlib.data.readers.imagefolder import read_imagefolder, read_imagenet100
from mixlib.data.readers.inaturalist import read_inaturalist
from mixlib.data.readers.places import read_places
from mixlib.data.readers.tiny_imagenet import read_tiny_imagenet

READERS: dict[str, Callable[[Path, str], Images]] = {
    "imagefolder": read_imagefolder,
    "imagenet100": read_imagenet100,
    "tiny-imagenet": read_tiny_imagenet,
    "cifar-pickle": read_cifar,
    "cub": read_cub,
    "aircraft": read_aircraft,
    "inat": read_inaturalist,
    "list": read_places,
}
"""Layout -> reader."""


def read(layout: str, root: Path, split: str) -> Images:
    """The images of `split` below `root`, which lies in the given layout.

    Raises:
        ValueError: for a layout without classification labels, or an unknown split.
        MissingFileError: naming the file that was expected.
        DataError: naming the file, and the line or part of it, that is not what it has to be.
    """
    if layout not in READERS:
        raise ValueError(f"expected a layout among {sorted(READERS)}, found {layout!r}")
    images = READERS[layout](Path(root), split)
    if not len(images):
        raise missing(root, f"images of split {split!r} (layout {layout}: no image was found)")
    return images


__all__ = ["READERS", "read"]
