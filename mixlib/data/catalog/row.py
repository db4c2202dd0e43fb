"""A row of the dataset catalog, and constants that rows share."""

from __future__ import annotations

from dataclasses import dataclass

from mixlib.data.shapes.scenes import Shapes

FAMILIES = (
    *("cifar", "tiny", "imagenet", "fine", "inat", "places", "generated"),
    *("voc", "coco", "folder", "scenes"),
)
LAYOUTS = (
    *(
        "imagefolder",
        "imagenet100",
        "tiny-imagenet",
        "cifar-pickle",
        "cub",
        "aircraft",
        "inat",
        "list",
    ),
    *("voc", "coco", "ade20k", "camvid", "cifar-c", "imagenet-c"),
)
OWN = "your own images"
"""The citation of datasets that are nobody's but the user's."""
IDENTITIES = ("declared", "measured", "generated", "chosen")

Statistics = tuple[float, float, float]
IMAGENET_MEAN: Statistics = (0.485, 0.456, 0.406)
IMAGENET_STD: Statistics = (0.229, 0.224, 0.225)
# AutoMix's released configurations use CIFAR-10's statistics for CIFAR-100 too.
CIFAR_MEAN: Statistics = (0.4914, 0.4822, 0.4465)
CIFAR_STD: Statistics = (0.2023, 0.1994, 0.2010)
# Measured on 2,000 images of the default `Shapes()`; the other specifications differ by less than
# 0.03.
SHAPES_MEAN: Statistics = (0.44, 0.44, 0.44)
SHAPES_STD: Statistics = (0.18, 0.18, 0.18)


@dataclass(frozen=True)
class Archive:
    """An official download: `url`, `md5` ("" where its owner publishes none), folder `into` to
    unpack in.
    """

    url: str
    md5: str = ""
    into: str = ""

    @property
    def file(self) -> str:
        """Name of the downloaded file."""
        return self.url.rsplit("/", 1)[1]


@dataclass(frozen=True)
class Dataset:
    """One dataset.

    Args:
        name: the word used in table declarations.
        title: the name used in print.
        family: whose hyper-parameters and augmentations apply; one of `FAMILIES`.
        layout: how the files lie on disk; one of `LAYOUTS`.
        classes: number of classes; 0 = as found on disk.
        size: side in pixels of a training image (a square), before any crop.
        splits: (name, images) of the training split and of the split that tables report, in this
            order; 0 images = as found on disk. Further splits may follow. A set that nothing is
            trained on has one.
        citation: BibTeX-like key line: authors, title, venue, year.
        folder: where it lies below the data folder.
        needs: (path below `folder`, least bytes); the folder holds the set when every path is there
            and is that large. The sizes tell an official archive from a small extract in the same
            layout.
        archives: official downloads; empty where access is gated or the set is made here.
        how: how to obtain it, for people.
        identity: what the fingerprint is made of: 'declared' (name, revision and split sizes: for
            official archives that never change), 'measured' (paths, sizes and bytes of the files
            found), 'generated' (the specification), 'chosen' (name, revision and the list of
            classes: for a part of an official set, see `mixlib.data.imagenet100`).
        spec: the specification of a generated set, otherwise None.
        content: of a set that is identified by its files, the digest of the published ones
            (`pipelines.data.contents.content_digest`); "" where nobody published it.
        revision: bump when the meaning of the row changes.
        per_class: (split, least, most images of a class), where its owners say; part of no
            fingerprint.
        gib: about how much room it takes, unpacked and with its archives, in GiB.
        train_images: of a set of one's own, how many of its training images are used; 0: all.
        held_out: so many of these are tested on, in the place of the test split.
    """

    name: str
    title: str
    family: str
    layout: str
    classes: int
    size: int
    splits: tuple[tuple[str, int], ...]
    citation: str
    folder: str
    needs: tuple[tuple[str, int], ...] = ()
    archives: tuple[Archive, ...] = ()
    how: str = ""
    identity: str = "declared"
    spec: Shapes | None = None
    content: str = ""
    mean: Statistics = IMAGENET_MEAN
    std: Statistics = IMAGENET_STD
    revision: int = 1
    per_class: tuple[tuple[str, int, int], ...] = ()
    gib: float = 0.0
    train_images: int = 0
    held_out: int = 0

    @property
    def own(self) -> bool:
        """Whether it is the user's, and not one that the catalog knows."""
        return self.citation == OWN

    @property
    def official(self) -> bool:
        """Whether it is an official archive, or a part of one, known by its name and sizes."""
        return self.identity in ("declared", "chosen")

    @property
    def train(self) -> str:
        """Name of the training split."""
        return self.splits[0][0]

    @property
    def test(self) -> str:
        """Name of the split whose numbers the tables report."""
        return self.splits[min(1, len(self.splits) - 1)][0]

    def count(self, split: str) -> int:
        """Official number of images of `split`; 0 = as found on disk. Raises KeyError for an
        unknown split.
        """
        sizes = dict(self.splits)
        if split not in sizes:
            raise KeyError(f"{self.name} has the splits {sorted(sizes)}, found {split!r}")
        return sizes[split]
