"""GridMix: every cell of a grid from either image; and the lattice of holes under the same name.

Baek, Bang and Shim, "GridMix: Strong regularization through local context mapping", Pattern
Recognition 2021: every cell of a grid takes either image, :class:`CoinCells`.  OpenMixup and other
public implementations punch equal holes of the partner at equal distances into a random crop
instead, :class:`Holes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mixlib.core.arguments import Count, Positive, checked
from mixlib.core.hyperparameters import same
from mixlib.core.lam import Beta
from mixlib.core.mask import Laws, MaskLaw
from mixlib.core.method import Method
from mixlib.core.policy import ByLaw, Pairing, Policy, Scope
from mixlib.masks.cells import enlarge

Layout = Literal["cells", "holes"]


@dataclass(frozen=True)
class Holes(MaskLaw):
    """A lattice of holes through which the partner shows, in a random crop of the image.

    The rule of the public GridMix implementations.  Biased: every period keeps a pixel of its own
    image, and nothing but the crop is cut.

    Args:
        holes: least and greatest number of periods across the crop.
        area, aspect: range of the crop's area share and of its aspect (height / width).
    """

    holes: tuple[int, int] = (2, 6)
    area: tuple[float, float] = (0.5, 1.0)
    aspect: tuple[float, float] = (0.5, 2.0)

    def draw(
        self, lam: Float[Tensor, " n"], size: tuple[int, int], rng: torch.Generator
    ) -> Float[Tensor, "n h w"]:
        unit = torch.rand(len(lam), 5, generator=rng, device=rng.device, dtype=lam.dtype)
        low, high = self.holes
        count = (low + unit[:, 0] * (high - low + 1)).long()
        area = self.area[0] + unit[:, 1] * (self.area[1] - self.area[0])
        aspect = self.aspect[0] + unit[:, 2] * (self.aspect[1] - self.aspect[0])
        return (~lattice(lam, count, area, aspect, unit[:, 3:], size)).to(lam.dtype)


def lattice(
    lam: Float[Tensor, " n"],
    count: Int[Tensor, " n"],
    area: Float[Tensor, " n"],
    aspect: Float[Tensor, " n"],
    place: Float[Tensor, "n 2"],
    size: tuple[int, int],
) -> Bool[Tensor, "n h w"]:
    """True in the holes.

    Args:
        lam: hole sides are sqrt(1 - lambda) of the period, at least a pixel, at most all but one.
        count: periods across the crop's width; the same period is used vertically.
        area, aspect: of the crop, height over width.
        place: (row, column) of the crop as a share of the room it leaves.
        size: (h, w).
    """
    h, w = size
    width = ((area * (h * w)).floor() / aspect).sqrt().floor().clamp(max=w)
    height = (width * aspect).floor().clamp(max=h)
    period = (width / count).ceil()
    hole = (period * (1 - lam).sqrt()).floor().clamp(min=1)
    hole = torch.minimum(hole, (period - 1).clamp(min=0))
    covered = []
    for length, extent, share in ((h, height, place[:, 0]), (w, width, place[:, 1])):
        start = ((length - extent) * share).floor()
        at = torch.arange(length, device=lam.device) - start[:, None]
        within = (at >= 0) & (at < extent[:, None])
        covered.append(within & (at % period.clamp(min=1)[:, None] < hole[:, None]))
    return covered[0][:, :, None] & covered[1][:, None, :]


@dataclass(frozen=True)
class CoinCells(MaskLaw):
    """Every cell is the sample's own with probability lambda, independently.

    Args:
        grid: cells down and across.
        label: the drawn lambda (the theorem's setting), or the realized area (GridMix, Baek et al.,
            Pattern Recognition 2021).
    """

    grid: tuple[int, int] = (4, 4)
    label: Literal["drawn", "realized"] = "drawn"
    unbiased = True

    def __post_init__(self) -> None:
        if min(self.grid) < 1:
            raise ValueError(f"CoinCells needs a grid of at least 1 x 1, got {self.grid}")

    def draw(
        self, lam: Float[Tensor, " n"], size: tuple[int, int], rng: torch.Generator
    ) -> Float[Tensor, "n h w"]:
        unit = torch.rand(
            len(lam), *self.grid, generator=rng, device=rng.device, dtype=torch.float64
        )
        return enlarge((unit < lam.double()[:, None, None]).to(lam.dtype), size)


@checked
def gridmix(
    alpha: Positive = 1.0,
    grid: Count = 4,
    scope: Scope = "sample",
    pairing: Pairing = "roll",
    layout: Layout = "cells",
) -> Policy:
    """GridMix (Baek et al., Pattern Recognition 2021): every cell from either image.

    Released: the lattice of holes that OpenMixup calls GridMix, one per batch, partners by
    permutation.

    Args:
        alpha: lambda ~ Beta(alpha, alpha).
        grid: cells down and across, of layout "cells".
        scope: one mask per "sample" or one for the "batch".
        pairing: see :func:`mixlib.core.policy.partners`.
        layout: "cells" is the paper's; "holes" the lattice of public implementations.

    Raises:
        ValueError: another layout.

    Example:
        >>> images, labels = torch.zeros(4, 3, 8, 8), torch.arange(4)
        >>> rng = torch.Generator().manual_seed(0)
        >>> mix = gridmix(grid=4).draw(images, labels, None, rng)
        >>> mix.mask.shape, mix.mask.unique().tolist()
        (torch.Size([4, 2, 8, 8]), [0.0, 1.0])
    """
    laws: dict[Layout, MaskLaw] = {"cells": CoinCells((grid, grid), "realized"), "holes": Holes()}
    if layout not in laws:
        raise ValueError(f"layout must be cells or holes, got {layout!r}")
    return ByLaw(laws[layout], Beta(alpha), scope, pairing)


LAWS: Laws = {
    "gridmix": lambda size: CoinCells(label="realized"),
    "gridmix, label lambda": lambda size: CoinCells(),
    "gridmix, holes": lambda size: Holes(),
}

ROW = Method(
    "gridmix",
    "GridMix",
    "gridmix",
    "Baek et al., GridMix: Strong regularization through local context mapping, Pattern "
    "Recognition 2021, doi:10.1016/j.patcog.2020.107594",
    2021,
    same(alpha=1.0),
    released={"layout": "holes", "scope": "batch", "pairing": "permute"},
)
