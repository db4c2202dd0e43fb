"""Cutout: a square of the mean image on every image; labels stay.

DeVries and Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout", 2017,
section 3.2: a square of fixed side around a uniform center, cut at the border.  As a mix the second
source is a fill in place of another sample, with no label weight.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from mixlib.core.arguments import Count, checked
from mixlib.core.hyperparameters import same
from mixlib.core.method import Method
from mixlib.core.mix import Boxes
from mixlib.core.policy import Policy
from mixlib.masks.clipped_boxes import centers, clipped
from mixlib.masks.erasing import Erase, Region


@dataclass(frozen=True)
class Square(Region):
    """A square of ``side`` pixels around a uniform center, cut at the border (Cutout).

    CIFAR-10 16, CIFAR-100 8, SVHN 20 (Cutout, section 4).  An odd side loses a pixel, as released.
    """

    side: int = 16

    def draw(self, n: int, size: tuple[int, int], rng: torch.Generator) -> Boxes:
        side = torch.full((n, 2), self.side, device=rng.device)
        return clipped(centers(n, size, rng), side, size, "drop")


@checked
def cutout(side: Count = 16) -> Policy:
    """Cutout (DeVries and Taylor, 2017): a square of the mean image.

    Example:
        >>> images, labels = torch.zeros(4, 3, 8, 8), torch.arange(4)
        >>> rng = torch.Generator().manual_seed(0)
        >>> mix = cutout(side=4).draw(images, labels, None, rng)
        >>> mix.weight[0].tolist()  # the label stays
        [1.0, 0.0]
    """
    return Erase(Square(side))


ROW = Method(
    "cutout",
    "Cutout",
    "cutout",
    "DeVries and Taylor, Improved Regularization of Convolutional Neural Networks with Cutout, "
    "2017, arXiv:1708.04552",
    2017,
    same(side=16),
    status="defined",
)
