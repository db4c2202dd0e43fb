"""Images that the gallery mixes: generated ones, or those of a folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from mixlib.data.open_image import open_image
from mixlib.data.shapes.scenes import Shapes, render_split

SIDE = 64
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp"})


def gallery_images(source: str, count: int) -> tuple[Float[Tensor, "n 3 H W"], Tensor]:
    """Images [count, 3, H, W] in [0, 1] and their labels (0 where they are unknown).

    Args:
        source: "generated", or a folder of images, taken in the order of their names.
        count: how many.

    Raises:
        FileNotFoundError: the folder holds fewer images.
    """
    if source == "generated":
        return generated_images(Shapes(train=count, val=0, size=SIDE, noise=2))
    paths = [p for p in sorted(Path(source).rglob("*")) if p.suffix.lower() in SUFFIXES][:count]
    if len(paths) < count:
        raise FileNotFoundError(f"{source}: expected {count} images, found {len(paths)}")
    return _unit(np.stack([_square(path) for path in paths])), torch.zeros(count, dtype=torch.int64)


def generated_images(spec: Shapes) -> tuple[Float[Tensor, "n 3 H W"], Tensor]:
    """The training images of a generated world [n, 3, H, W] in [0, 1], and their labels."""
    images, labels = render_split(spec, "train")
    return _unit(images), torch.from_numpy(labels)


def _square(path: Path) -> UInt8[np.ndarray, "S S 3"]:
    """The largest square in the middle of an image."""
    picture = open_image(path)
    side = min(picture.size)
    left, top = ((length - side) // 2 for length in picture.size)
    cut = picture.crop((left, top, left + side, top + side)).resize((2 * SIDE, 2 * SIDE))
    return np.asarray(cut)


def _unit(images: np.ndarray) -> Tensor:
    return torch.from_numpy(images.copy()).permute(0, 3, 1, 2).float() / 255
