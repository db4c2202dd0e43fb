"""Cutout, RandomErasing, Hide-and-Seek: parts of an image give way to nothing; labels stay.

DeVries and Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout", 2017;
Zhong et al., "Random Erasing Data Augmentation", AAAI 2020; Singh and Lee, "Hide-and-Seek", ICCV
2017.  As a mix: the second source is a fill in place of another sample, with no label weight.  Zero
is the mean image for normalized inputs.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

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


def cutout(side: int = 16) -> Policy:
    """Cutout (DeVries and Taylor, 2017): a square of the mean image."""
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
