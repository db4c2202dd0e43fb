"""Random cells of a grid: which cells of the image go to the partner, none next to another by
design.

:class:`CountedCells`: as many cells as lambda says, all subsets equally likely (TokenMix, Liu et
al., ECCV 2022, "random" mask type of the released code and Table 7).  :class:`CoinCells`: every
cell tosses its own coin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mixlib.laws.base import MaskLaw


def enlarge(cells: Float[Tensor, "n gh gw"], size: tuple[int, int]) -> Float[Tensor, "n h w"]:
    """Cells to pixels: pixel i of h lies in cell floor(i g / h); the grid need not divide the
    image."""
    index = [
        torch.arange(n, device=cells.device) * g // n
        for n, g in zip(size, cells.shape[1:], strict=True)
    ]
    return cells[:, index[0]][:, :, index[1]]


def counted(
    lam: Float[Tensor, " n"], total: int, extra: int | None, rng: torch.Generator
) -> Int[Tensor, " n"]:
    """Cells of the partner: min(total, int(total (1 - lambda)) + extra) as TokenMix released it; or
    rounded up or down with the right odds when ``extra`` is None, so that its mean is total
    (1 - lambda)."""
    wished = (1 - lam.double()) * total
    if extra is not None:
        return (wished.long() + extra).clamp(max=total)
    unit = torch.rand(len(lam), generator=rng, device=rng.device, dtype=torch.float64)
    return (wished + unit).floor().long().clamp(0, total)


@dataclass(frozen=True)
class CountedCells(MaskLaw):
    """A fixed number of random cells for the partner.

    Args:
        grid: cells down and across (14 x 14 tokens for ViT-S/16 at 224).
        extra: see :func:`counted`; 14 in TokenMix's release (which has lambda = 0.5: 112 of 196).

    Raises:
        ValueError: an empty grid or a negative ``extra``.
    """

    grid: tuple[int, int] = (14, 14)
    extra: int | None = None

    def __post_init__(self) -> None:
        if min(self.grid) < 1 or (self.extra is not None and self.extra < 0):
            raise ValueError(f"CountedCells needs grid >= 1 and extra >= 0, got {self}")

    @property
    def unbiased(self) -> bool:  # type: ignore[override]
        return self.extra is None

    def draw(
        self, lam: Float[Tensor, " n"], size: tuple[int, int], rng: torch.Generator
    ) -> Float[Tensor, "n h w"]:
        total = self.grid[0] * self.grid[1]
        count = counted(lam, total, self.extra, rng)
        height = torch.rand(len(lam), total, generator=rng, device=rng.device, dtype=torch.float64)
        rank = height.argsort(dim=1).argsort(dim=1)
        own = (rank >= count[:, None]).to(lam.dtype).view(-1, *self.grid)
        return enlarge(own, size)


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
