"""Readers of segmentation datasets: ADE20K (Zhou et al., CVPR 2017; the scene parsing challenge's
150 classes) and CamVid (Brostow et al., 2009; the 11 classes of SegNet)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from downstream.errors import InputError
from downstream.segmentation.metrics import IGNORE
from mixlib.data.open_image import image_size, open_image

ADE20K_CLASSES = 150
ADE20K_SPLITS = {"train": "training", "val": "validation"}
CAMVID_NAMES = (
    "sky",
    "building",
    "pole",
    "road",
    "pavement",
    "tree",
    "sign-symbol",
    "fence",
    "car",
    "pedestrian",
    "bicyclist",
)
CAMVID_VOID = len(CAMVID_NAMES)


@dataclass(frozen=True, eq=False)
class Segmentations:
    """Images with a class for every pixel, opened one at a time.

    Attributes:
        images, masks: N files each, in the same order.
        names: K classes.
        first: what the masks call the first class; 1 where 0 is ignored (ADE20K).
        void: values of the masks that are ignored.
        source: file or folder to name in messages.

    Raises:
        InputError: no image, or a file that is missing; the first is named.
    """

    images: tuple[Path, ...]
    masks: tuple[Path, ...]
    names: tuple[str, ...]
    first: int
    void: tuple[int, ...]
    source: str

    def __post_init__(self) -> None:
        if not self.images:
            raise InputError(f"{self.source}: expected at least one image, found an empty set")
        for path in (*self.images, *self.masks):
            if not path.is_file():
                raise InputError(
                    f"{self.source}: expected a file at {path}, found nothing: check that the "
                    "dataset is complete"
                )

    def __len__(self) -> int:
        return len(self.images)

    def capped(self, most: int | None) -> "Segmentations":
        """The first ``most`` images; None: all."""
        return replace(self, images=self.images[:most], masks=self.masks[:most])

    def image(self, number: int) -> NDArray[np.uint8]:
        """RGB uint8 [H, W, 3].

        Raises:
            DataError: the file is no image.
        """
        return np.asarray(open_image(self.images[number]))

    def mask(self, number: int) -> NDArray[np.uint8]:
        """Classes uint8 [H, W], 0 ... K - 1 or :data:`IGNORE`.

        Raises:
            InputError: the mask is no single channel, of another size than its image, or holds a
                label beyond the classes.
        """
        path = self.masks[number]
        values = _indices(path)
        width, height = image_size(self.images[number])
        if values.shape != (height, width):
            raise InputError(
                f"{path}: expected a mask of its image's size {width} x {height}, found "
                f"{values.shape[1]} x {values.shape[0]}"
            )
        ignored = np.isin(values, self.void)
        classes = values - self.first
        wrong = ~ignored & ((classes < 0) | (classes >= len(self.names)))
        if wrong.any():
            raise InputError(
                f"{path}: expected labels {self.first} to {self.first + len(self.names) - 1}, "
                f"found {int(values[wrong][0])}: the mask is of another dataset"
            )
        return np.where(ignored, IGNORE, classes).astype(np.uint8)


def _indices(path: Path) -> NDArray[np.int64]:
    """A mask's stored values [H, W]; a palette's colors play no part, so it is not made RGB."""
    try:
        with Image.open(path) as picture:
            if picture.mode not in ("L", "P"):
                raise InputError(
                    f"{path}: expected a mask of one 8-bit channel, found mode {picture.mode}: "
                    "colors are no class indices"
                )
            return np.asarray(picture).astype(np.int64)
    except (OSError, SyntaxError) as error:
        raise InputError(f"{path}: cannot be read as a mask ({error})") from error


def read_segmentations(
    layout: str, root: Path, split: str, classes: int | None = ADE20K_CLASSES
) -> Segmentations:
    """A split of a dataset in the layout "ade20k" or "camvid".

    Args:
        classes: of ADE20K, see :func:`read_ade20k`.

    Raises:
        InputError: another layout or split, or any fault in the files.
    """
    if layout == "ade20k":
        return read_ade20k(root, split, classes)
    if layout == "camvid":
        return read_camvid(root, split)
    raise InputError(f"expected the layout ade20k or camvid, found {layout!r}")


def read_ade20k(root: Path, split: str, classes: int | None = ADE20K_CLASSES) -> Segmentations:
    """Split "train" or "val" of ``ADEChallengeData2016`` as it is published.

    Labels 1 to 150 are the classes and 0 is ignored, as in training and in the benchmark.

    Args:
        root: the folder that holds ``images`` and ``annotations``; class names are read from its
            ``objectInfo150.txt`` where that is there.
        classes: that the list must name; None: any number (a set of one's own in this layout).

    Raises:
        InputError: another split, a folder or file that is missing, or another number of names.
    """
    if split not in ADE20K_SPLITS:
        raise InputError(f"expected the split train or val of ADE20K, found {split!r}")
    folder, masks = (root / kind / ADE20K_SPLITS[split] for kind in ("images", "annotations"))
    if not folder.is_dir():
        raise InputError(
            f"expected the images of ADE20K at {folder}, found nothing: root is the folder "
            "ADEChallengeData2016"
        )
    images = tuple(sorted(folder.glob("*.jpg")))
    return Segmentations(
        images,
        tuple(masks / f"{path.stem}.png" for path in images),
        _ade20k_names(root / "objectInfo150.txt", classes),
        1,
        (0,),
        str(folder),
    )


def _ade20k_names(path: Path, classes: int | None) -> tuple[str, ...]:
    """Names of the classes, each the first of its synonyms; numbers where there is no list."""
    if not path.is_file():
        return tuple(str(number) for number in range(1, (classes or ADE20K_CLASSES) + 1))
    rows = [line.split("\t") for line in path.read_text().splitlines()[1:] if line.strip()]
    names = tuple(row[-1].split(",")[0].strip() for row in rows)
    if classes is not None and len(names) != classes:
        raise InputError(f"{path}: expected {classes} classes, found {len(names)}")
    return names


def read_camvid(root: Path, split: str) -> Segmentations:
    """Split "train", "val" or "test" of CamVid: ``<split>.txt`` with pairs of image and mask.

    Masks hold 0 to 10 for the 11 classes and 11 for void, which is ignored.

    Raises:
        InputError: the list is missing or malformed, or names a file that is not there.
    """
    path = root / f"{split}.txt"
    if not path.is_file():
        raise InputError(f"expected a list of images at {path}, found nothing")
    pairs = [line.split() for line in path.read_text().splitlines() if line.strip()]
    for number, pair in enumerate(pairs, 1):
        if len(pair) != 2:
            raise InputError(f"{path}, line {number}: expected an image and a mask, found {pair}")
    images, masks = (_below(root, [pair[place] for pair in pairs]) for place in (0, 1))
    return Segmentations(images, masks, CAMVID_NAMES, 0, (CAMVID_VOID,), str(path))


def _below(root: Path, names: Sequence[str]) -> tuple[Path, ...]:
    """Files of a list; the published one starts its paths with a folder of its author's."""
    return tuple(root.joinpath(*Path(name).parts[-2:]) for name in names)
