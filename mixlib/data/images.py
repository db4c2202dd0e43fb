"""Images and labels of one split, in memory or as a list of files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mixlib.data.open_image import open_image


@dataclass(frozen=True)
class Images:
    """One split: exactly one of `pixels` uint8[N, H, W, 3] and `paths` (N), with labels int64[N]
    and Y class names.

    `notes` says what was found beside the images: files that were skipped, classes without any.

    Example:
        >>> black = np.zeros((2, 4, 4, 3), np.uint8)
        >>> images = Images(np.array([0, 1]), ("cat", "dog"), pixels=black)
        >>> len(images), images.image(1).size
        (2, (4, 4))
    """

    labels: NDArray[np.int64]
    names: tuple[str, ...]
    pixels: NDArray[np.uint8] | None = None
    paths: tuple[Path, ...] | None = None
    notes: tuple[str, ...] = ()

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
        return open_image(self.paths[index])

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
    order, labels, turn = _turns(images.labels, seed)
    return images.take(np.sort(order[np.lexsort((labels, turn))[:most]]))


def hold_out(images: Images, held: int, seed: int = 0) -> tuple[Images, Images]:
    """(the others, `held` images kept apart, for choosing settings): the same share of every class,
    to less than one image, in their original order.

    Which images these are depends on `seed` only.

    Raises:
        ValueError: not one image would be on either side.

    Example:
        >>> black = np.zeros((6, 4, 4, 3), np.uint8)
        >>> images = Images(np.array([0, 0, 0, 1, 1, 1]), ("cat", "dog"), pixels=black)
        >>> [part.labels.tolist() for part in hold_out(images, 2)]
        [[0, 0, 1, 1], [0, 1]]
    """
    if not 0 < held < len(images):
        raise ValueError(f"expected 1 to {len(images) - 1} images to hold out, found {held}")
    order, labels, turn = _turns(images.labels, seed)
    # whole images first, then the classes with the largest remainders
    taken, remainder = np.divmod(np.bincount(labels) * held, len(images))
    taken[np.argsort(-remainder, kind="stable")[: held - taken.sum()]] += 1
    apart = turn < taken[labels]
    return images.take(np.sort(order[~apart])), images.take(np.sort(order[apart]))


def _turns(labels: NDArray[np.int64], seed: int) -> tuple[NDArray[np.int64], ...]:
    """(a shuffled order, the labels in it, the place of each image among those of its class)."""
    order = np.random.default_rng([seed % 2**63, 0xCA9]).permutation(len(labels))
    shuffled = labels[order]
    turn = np.empty(len(order), np.int64)
    for label in np.unique(shuffled):
        own = np.flatnonzero(shuffled == label)
        turn[own] = np.arange(len(own))
    return order, shuffled, turn
