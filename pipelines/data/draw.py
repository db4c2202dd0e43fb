"""Writers of generated sets: which of them draws a row, and corrupted images, which need those of
`downstream`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from downstream.robustness.corrupt import write_cifar_c
from mixlib.data.catalog.row import Dataset
from mixlib.data.shapes import layouts, official
from mixlib.data.shapes.scenes import Shapes, render_split


def writer(row: Dataset) -> Callable[[Shapes, Path], None]:
    """What fills an empty folder with a generated set: the official set's own layout, where the row
    lies in its folder, or the plain one."""
    if row.layout == "cifar-c":
        return write_corrupted_cifar
    return official.WRITERS.get(row.folder) or layouts.WRITERS[row.layout]


def write_corrupted_cifar(spec: Shapes, root: Path) -> None:
    """`root`/CIFAR-10-C (ten classes) or CIFAR-100-C: every corruption of the test images at five
    severities, and their labels.
    """
    images, labels = render_split(spec, "test")
    folder = root / ("CIFAR-10-C" if spec.classes == 10 else "CIFAR-100-C")
    write_cifar_c(images, labels, folder)
