"""True boxes of classification test sets: for measurements that need no dataset of their own.

CUB-200-2011 and Tiny-ImageNet list them with their images; ImageNet's validation boxes stand in the
WSOL metadata (Choe et al., CVPR 2020); a generated world draws each image, and its box, again.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from downstream.errors import InputError
from downstream.localization.readers import Truth, read_truth, read_wsol
from mixlib.data.open_image import image_size
from mixlib.data.shapes.scenes import Shapes, render
from mixlib.data.text_files import read_table

METADATA = Path("wsol_metadata") / "ILSVRC" / "test"
"""ImageNet's validation images in the WSOL metadata, beside the folder of ImageNet."""


def read_image_boxes(
    layout: str, root: Path, split: str, paths: Sequence[Path], spec: Shapes | None = None
) -> Truth:
    """The true boxes of images of a split, in their order.

    Args:
        layout: of the dataset below ``root``.
        paths: the images.
        spec: of a generated dataset; None: a real one.

    Raises:
        InputError: no boxes are known for this dataset; says which files would hold them.
        DataError: an image is not listed, or a box is impossible.
    """
    if layout == "cub":
        names = [path.relative_to(root / "images").as_posix() for path in paths]
        return read_truth(layout, root, split).of(names)
    if layout == "tiny-imagenet" and split == "val":
        return _tiny_imagenet(root).of([path.name for path in paths])
    folder = root.parent / METADATA
    if layout in ("imagefolder", "imagenet100") and folder.is_dir():
        return _by_file_name(read_wsol(folder)).of([path.name for path in paths])
    if layout == "imagefolder" and spec is not None:
        return _generated(spec, split, paths)
    raise InputError(
        f"{root}: expected true boxes of the images, found none: this needs CUB-200-2011, "
        f"Tiny-ImageNet, or for ImageNet the WSOL metadata at {folder}"
    )


def _by_file_name(truth: Truth) -> Truth:
    """The same boxes, listed by the names of files alone, which differ in ImageNet."""
    names = tuple(Path(name).name for name in truth.names)
    return Truth(names, truth.labels, truth.sizes, truth.boxes, truth.source)


def _tiny_imagenet(root: Path) -> Truth:
    """Boxes of val_annotations.txt, whose ends are the last pixels inside."""
    source = root / "val" / "val_annotations.txt"
    rows = read_table(source, 6, "a list of images with boxes", separator="\t", unique=0)
    names = tuple(row[0] for row in rows)
    sizes = [image_size(root / "val" / "images" / name) for name in names]
    boxes = []
    for row in rows:
        x0, y0, x1, y1 = (row.integer(column, 0) for column in range(2, 6))
        boxes.append(np.array([[x0, y0, x1 + 1, y1 + 1]], np.int64))
    labels = np.zeros(len(names), np.int64)
    return Truth(names, labels, np.array(sizes, np.int64), tuple(boxes), str(source))


def _generated(spec: Shapes, split: str, paths: Sequence[Path]) -> Truth:
    """Boxes of a generated world's first objects; files are named by the images' numbers."""
    scenes = [render(spec, split, int(path.stem)) for path in paths]
    return Truth(
        tuple(path.name for path in paths),
        np.array([scene.label for scene in scenes], np.int64),
        np.full((len(scenes), 2), spec.size, np.int64),
        tuple(np.array([scene.things[0].box], np.int64) for scene in scenes),
        f"generated world {spec.seed}",
    )
