"""Readers of classification datasets: the images and labels of a split.

`read(layout, root, split)` returns `Images`: small sets as one array in memory, large ones as a
list of paths. Only classification labels are read here; detection and localization have their own
readers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mixlib.data.imagenet100 import imagenet100
from mixlib.data.readers.pickles import unpickle

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm", ".tif", ".tiff")


@dataclass(frozen=True)
class Images:
    """One split: exactly one of `pixels` uint8[N, H, W, 3] and `paths` (N), with labels int64[N]
    and Y class names.
    """

    labels: NDArray[np.int64]
    names: tuple[str, ...]
    pixels: NDArray[np.uint8] | None = None
    paths: tuple[Path, ...] | None = None

    def __post_init__(self) -> None:
        if (self.pixels is None) == (self.paths is None):
            raise ValueError(
                "Images holds either pixels or paths: give one of them, not both or none"
            )
        held = self.pixels if self.pixels is not None else self.paths or ()
        if len(held) != len(self.labels):
            raise ValueError(
                f"expected one label an image, found {len(self.labels)} for {len(held)} images"
            )
        if len(self.labels) and not 0 <= self.labels.min() <= self.labels.max() < len(self.names):
            raise ValueError(
                f"labels must lie in 0..{len(self.names) - 1} ({len(self.names)} class names), "
                f"found {self.labels.min()}..{self.labels.max()}"
            )

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: NDArray[np.int64]) -> Images:
        """The images at `index` int64[n], in that order."""
        if self.paths is not None:
            paths = tuple(self.paths[i] for i in index.tolist())
            return replace(self, labels=self.labels[index], paths=paths)
        assert self.pixels is not None
        return replace(self, labels=self.labels[index], pixels=self.pixels[index])

    def image(self, index: int) -> Image.Image:
        """Image `index` as an RGB picture; gray-scale, palette and CMYK files are converted."""
        if self.pixels is not None:
            return Image.fromarray(self.pixels[index])
        assert self.paths is not None
        return open_rgb(self.paths[index])

    def in_memory(self, size: int | None = None) -> Images:
        """The same images as one array, each resized to a square of `size` pixels (bicubic) where
        given.

        Raises:
            ValueError: if no size is given and the images differ in size.
        """
        if self.pixels is not None and size in (None, self.pixels.shape[1]):
            return self
        stack = []
        for index in range(len(self)):
            picture = self.image(index)
            if size is not None and picture.size != (size, size):
                picture = picture.resize((size, size), Image.Resampling.BICUBIC)
            stack.append(np.asarray(picture))
        if len({array.shape for array in stack}) > 1:
            raise ValueError("the images differ in size: name the size to resize them to")
        return replace(self, pixels=np.stack(stack), paths=None)


def open_rgb(path: Path) -> Image.Image:
    """The picture at `path`, loaded and converted to RGB."""
    with Image.open(path) as picture:
        return picture.convert("RGB")


def cap(images: Images, most: int | None, seed: int = 0) -> Images:
    """At most `most` images, as equal in number a class as the classes allow, in their original
    order.

    Which images stay depends on `seed` only, and a larger cap keeps those of a smaller one: each
    class is shuffled once, and the classes give one image each in turn until the cap is reached.
    """
    if most is None or most >= len(images):
        return images
    if most < 1:
        raise ValueError(f"expected a cap of at least one image, found {most}")
    order = np.random.default_rng([seed % 2**63, 0xCA9]).permutation(len(images))
    labels = images.labels[order]
    turn = np.empty(len(order), np.int64)
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        turn[own] = np.arange(len(own))
    kept = order[np.lexsort((labels, turn))[:most]]
    return images.take(np.sort(kept))


def read(layout: str, root: Path, split: str) -> Images:
    """The images of `split` below `root`, which lies in the given layout.

    Raises:
        ValueError: for a layout without classification labels, or an unknown split.
        FileNotFoundError: naming the file that was expected.
    """
    if layout not in READERS:
        raise ValueError(f"expected a layout among {sorted(READERS)}, found {layout!r}")
    images = READERS[layout](Path(root), split)
    if not len(images):
        raise FileNotFoundError(
            f"found no image for split {split!r} below {root} (layout {layout}); "
            "was the archive unpacked completely?"
        )
    return images


def read_imagefolder(root: Path, split: str) -> Images:
    """`root`/<split>/<class>/**/<image>; classes in alphabetical order, as torchvision's
    ImageFolder.
    """
    folder = _expect(root / split, "a folder with one folder a class")
    return _of_classes(folder, sorted(entry.name for entry in folder.iterdir() if entry.is_dir()))


def read_imagenet100(root: Path, split: str) -> Images:
    """The same of the classes that :func:`mixlib.data.imagenet100.imagenet100` chooses."""
    _expect(root / "train", "ImageNet's folder with one folder a class")
    return _of_classes(_expect(root / split, "a folder with one folder a class"), imagenet100(root))


def _of_classes(folder: Path, names: Sequence[str]) -> Images:
    paths: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(names):
        own = sorted(p for p in (folder / name).rglob("*") if p.suffix.lower() in SUFFIXES)
        paths += own
        labels += [label] * len(own)
    return _listed(paths, labels, tuple(names))


def read_tiny_imagenet(root: Path, split: str) -> Images:
    """Tiny-ImageNet's official layout: train/<wnid>/images/*, val/images/* with
    val_annotations.txt.

    Classes in the order of wnids.txt. The test split has no public labels.
    """
    names = tuple(_lines(root / "wnids.txt"))
    number = {name: label for label, name in enumerate(names)}
    if split == "train":
        found = [
            (path, number[name])
            for name in names
            for path in sorted(_expect(root / "train" / name / "images", "images").iterdir())
        ]
    elif split == "val":
        rows = [line.split("\t") for line in _lines(root / "val" / "val_annotations.txt")]
        found = [(root / "val" / "images" / row[0], number[row[1]]) for row in rows]
    else:
        raise ValueError(f"Tiny-ImageNet has labels for train and val, found split {split!r}")
    return _listed([path for path, _ in found], [label for _, label in found], names)


def read_cifar(root: Path, split: str) -> Images:
    """CIFAR-10 (data_batch_*, test_batch) or CIFAR-100 (train, test) pickles; whichever lies in
    `root`.

    Checksums are not compared, so that extracts in the official layout can be read.
    """
    if split not in ("train", "test"):
        raise ValueError(f"CIFAR has the splits train and test, found {split!r}")
    if (root / "batches.meta").exists():
        label, meta = "labels", unpickle(root / "batches.meta")["label_names"]
        files = sorted(root.glob("data_batch_*")) if split == "train" else [root / "test_batch"]
    else:
        label, meta = (
            "fine_labels",
            unpickle(_expect(root / "meta", "CIFAR's class names"))["fine_label_names"],
        )
        files = [root / split]
    batches = [unpickle(_expect(path, "a CIFAR pickle")) for path in files]
    if not batches:
        raise FileNotFoundError(
            f"expected data_batch_1..5 in {root}, found none; unpack the archive"
        )
    rows = np.concatenate([np.asarray(batch["data"], np.uint8) for batch in batches])
    labels = np.concatenate([np.asarray(batch[label], np.int64) for batch in batches])
    pixels = np.ascontiguousarray(rows.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
    return Images(labels, tuple(map(str, meta)), pixels=pixels)  # type: ignore[call-overload]


def read_cub(root: Path, split: str) -> Images:
    """CUB_200_2011: images.txt, image_class_labels.txt (from 1), train_test_split.txt (1 = train).

    Split 'val' is the one of the WSOL metadata beside the folder.
    """
    names = tuple(line.split(maxsplit=1)[1] for line in _lines(root / "classes.txt"))
    if split == "val":
        rows = _lines(root.parent / "wsol_metadata" / "CUB" / "val" / "class_labels.txt")
        pairs = [row.rsplit(",", 1) for row in rows]
        return _listed([root / "images" / p for p, _ in pairs], [int(y) for _, y in pairs], names)
    if split not in ("train", "test"):
        raise ValueError(f"CUB has the splits train, test and val, found {split!r}")
    tables = ("images", "image_class_labels", "train_test_split")
    path, label, is_train = (
        dict(line.split(maxsplit=1) for line in _lines(root / f"{name}.txt")) for name in tables
    )
    chosen = [key for key in path if is_train[key] == ("1" if split == "train" else "0")]
    paths = [root / "images" / path[key] for key in chosen]
    return _listed(paths, [int(label[key]) - 1 for key in chosen], names)


def read_aircraft(root: Path, split: str) -> Images:
    """FGVC-Aircraft: data/images_variant_<split>.txt with lines '<image> <variant>'."""
    names = tuple(_lines(root / "data" / "variants.txt"))
    rows = [row.split(maxsplit=1) for row in _lines(root / "data" / f"images_variant_{split}.txt")]
    paths = [root / "data" / "images" / f"{image}.jpg" for image, _ in rows]
    return _listed(paths, [names.index(variant) for _, variant in rows], names)


def read_inat(root: Path, split: str) -> Images:
    """iNaturalist 2017/2018: <split><year>.json with images, annotations and categories."""
    files = sorted(root.glob(f"{split}201?.json"))
    if len(files) != 1:
        raise FileNotFoundError(f"expected one {split}<year>.json in {root}, found {len(files)}")
    document = json.loads(files[0].read_text())
    kinds = sorted(document["categories"], key=lambda kind: kind["id"])
    number = {kind["id"]: label for label, kind in enumerate(kinds)}
    of_image = {mark["image_id"]: number[mark["category_id"]] for mark in document["annotations"]}
    paths = [root / image["file_name"] for image in document["images"]]
    labels = [of_image[image["id"]] for image in document["images"]]
    return _listed(paths, labels, tuple(str(kind["name"]) for kind in kinds))


def read_list(root: Path, split: str) -> Images:
    """Places205: <split>_places205.csv with lines '<a>/<category>/<image>,<label>' or
    blank-separated.
    """
    lines = _lines(root / f"{split}_places205.csv")
    rows = [line.replace(",", " ").rsplit(maxsplit=1) for line in lines]
    labels = [int(label) for _, label in rows]
    names = tuple(str(label) for label in range(max(labels) + 1))
    return _listed([root / "images" / path for path, _ in rows], labels, names)


READERS: dict[str, Callable[[Path, str], Images]] = {
    "imagefolder": read_imagefolder,
    "imagenet100": read_imagenet100,
    "tiny-imagenet": read_tiny_imagenet,
    "cifar-pickle": read_cifar,
    "cub": read_cub,
    "aircraft": read_aircraft,
    "inat": read_inat,
    "list": read_list,
}
"""Layout -> reader."""


def _expect(path: Path, what: str) -> Path:
    if not path.exists():
        raise FileNotFoundError(
            f"expected {what} at {path}, found nothing; point MIX_DATA at the folder that holds "
            "the dataset, or let `python -m pipelines.data list` say how to get it"
        )
    return path


def _lines(path: Path) -> list[str]:
    text = _expect(path, "a list").read_text()
    return [line.strip() for line in text.splitlines() if line.strip()]


def _listed(paths: list[Path], labels: list[int], names: tuple[str, ...]) -> Images:
    return Images(np.asarray(labels, np.int64), names, paths=tuple(paths))
