"""Cutout, RandomErasing, Hide-and-Seek: parts of an image give way to nothing; labels stay.

DeVries and Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout", 2017;
Zhong et al., "Random Erasing Data Augmentation", AAAI 2020; Singh and Lee, "Hide-and-Seek", ICCV
2017.  As a mix: the second source is a fill in place of another sample, with no label weight.  Zero
is the mean image for normalized inputs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mixlib.laws.box import centers, clipped
from mixlib.laws.cells import enlarge
from mixlib.mix import Boxes, Mix, pair
from mixlib.net import Net
from mixlib.policies.base import Policy

Fill = Literal["zero", "color", "noise"]


class Region(ABC):
    """Where an image is erased."""

    @abstractmethod
    def draw(self, n: int, size: tuple[int, int], rng: torch.Generator) -> Boxes | Tensor:
        """Erased boxes, or what is kept as float [n, h, w]."""


@dataclass(frozen=True)
class Square(Region):
    """A square of ``side`` pixels around a uniform center, cut at the border (Cutout).

    CIFAR-10 16, CIFAR-100 8, SVHN 20 (Cutout, section 4).  An odd side loses a pixel, as released.
    """

    side: int = 16

    def draw(self, n: int, size: tuple[int, int], rng: torch.Generator) -> Boxes:
        side = torch.full((n, 2), self.side, device=rng.device)
        return clipped(centers(n, size, rng), side, size, "drop")


@dataclass(frozen=True)
class Rectangle(Region):
    """A rectangle of random area and aspect that lies inside the image (Random Erasing).

    Args:
        area: range of its share of the image, uniform.
        aspect: least height over width; the greatest is its inverse.
        law: of the aspect: "uniform" as released by the authors, "log" as in timm.
        tries: proposals; without one that fits nothing is erased.
    """

    area: tuple[float, float] = (0.02, 0.4)
    aspect: float = 0.3
    law: Literal["uniform", "log"] = "uniform"
    tries: int = 100

    def draw(self, n: int, size: tuple[int, int], rng: torch.Generator) -> Boxes:
        unit = torch.rand(n, self.tries, 2, generator=rng, device=rng.device, dtype=torch.float64)
        area = (self.area[0] + unit[..., 0] * (self.area[1] - self.area[0])) * size[0] * size[1]
        if self.law == "log":
            aspect = self.aspect ** (2 * unit[..., 1] - 1)
        else:
            aspect = self.aspect + unit[..., 1] * (1 / self.aspect - self.aspect)
        side = torch.stack([(area * aspect).sqrt(), (area / aspect).sqrt()], -1).round().long()
        limit = torch.tensor(size, device=rng.device)
        fits = (side < limit).all(-1)
        first = fits.to(torch.uint8).argmax(1)
        side = side.gather(1, first[:, None, None].expand(n, 1, 2))[:, 0] * fits.any(1)[:, None]
        place = torch.rand(n, 2, generator=rng, device=rng.device, dtype=torch.float64)
        corner = (place * (limit - side + 1)).long()
        return Boxes(torch.cat([corner, side], 1), size)


@dataclass(frozen=True)
class Patches(Region):
    """Every cell of a grid is hidden with some probability (Hide-and-Seek).

    Args:
        counts: cells per side, one drawn per image; 1 hides nothing.  The authors draw cells of 16,
            32, 44 or 56 pixels or none at all on 224 pixels.
        odds: of a cell to be hidden.
    """

    counts: tuple[int, ...] = (1, 14, 7, 5, 4)
    odds: float = 0.5

    def draw(self, n: int, size: tuple[int, int], rng: torch.Generator) -> Tensor:
        which = torch.randint(len(self.counts), (n,), generator=rng, device=rng.device)
        kept = torch.ones(n, *size, device=rng.device)
        for k, count in enumerate(self.counts):
            grid = (min(count, size[0]), min(count, size[1]))
            unit = torch.rand(n, *grid, generator=rng, device=rng.device)
            if count > 1:
                hidden = (unit < self.odds) & (which == k)[:, None, None]
                kept = kept * enlarge((~hidden).float(), size)
        return kept


@dataclass(frozen=True)
class Erase(Policy):
    """Erases a region of every image.

    Args:
        region: where.
        fill: "zero"; "color", one normal color per image; or "noise", normal at every pixel.
        prob: of erasing anything at all, for every image by itself.
    """

    region: Region
    fill: Fill = "zero"
    prob: float = 1.0

    def draw(self, z: Tensor, y: Int[Tensor, " B"], net: Net | None, rng: torch.Generator) -> Mix:
        n, channels, *size = z.shape
        own = self.region.draw(n, (size[0], size[1]), rng)
        if self.prob < 1:
            erased = torch.rand(n, generator=rng, device=rng.device) < self.prob
            own = _only(own, erased)
        shape = {"zero": (1, channels, 1, 1), "color": (n, channels, 1, 1), "noise": z.shape}
        content = torch.zeros(shape["zero"], device=rng.device)
        if self.fill != "zero":
            content = torch.randn(shape[self.fill], generator=rng, device=rng.device)
        content = content.to(z.device, z.dtype, non_blocking=True)
        itself = torch.arange(n, device=rng.device)
        mix = pair(itself, own, torch.ones(n, device=rng.device)).to(z.device)
        return Mix(mix.source, mix.weight, mix.mask, mix.shift, (None, content))


def _only(own: Boxes | Float[Tensor, "n h w"], erased: Tensor) -> Boxes | Tensor:
    """The same regions, none where ``erased`` is false."""
    if isinstance(own, Boxes):
        return Boxes(own.edges * erased[:, None], own.size)
    return torch.where(erased[:, None, None], own, 1)


def cutout(side: int = 16) -> Policy:
    """Cutout (DeVries and Taylor, 2017): a square of the mean image."""
    return Erase(Square(side))


def random_erasing(
    prob: float = 0.5,
    area: tuple[float, float] = (0.02, 0.4),
    aspect: float = 0.3,
    fill: Fill = "zero",
    law: Literal["uniform", "log"] = "uniform",
    tries: int = 100,
) -> Policy:
    """Random Erasing (Zhong et al., AAAI 2020); timm's for DeiT is ``prob=0.25, area=(0.02, 1/3),
    fill="noise", law="log", tries=10``."""
    return Erase(Rectangle(area, aspect, law, tries), fill, prob)


def hide_and_seek(counts: tuple[int, ...] = (1, 14, 7, 5, 4), odds: float = 0.5) -> Policy:
    """Hide-and-Seek (Singh and Lee, ICCV 2017): random cells of the mean image."""
    return Erase(Patches(counts, odds))
