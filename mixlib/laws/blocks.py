"""TokenMix: rectangles of tokens go to the partner until it has its share.

Liu et al., "TokenMix: Rethinking Image Mixing for Data Augmentation in Vision Transformers", ECCV
2022, section 3.2, with the block masking of BEiT (Bao et al., ICLR 2022, algorithm 1): rectangles
of random area and aspect are placed until the wished number of tokens is covered.  A rectangle
counts only if it covers something new and not more than what is missing.

The released code adds 14 tokens to the wished number (and draws lambda = 1/2 always).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mixlib.laws.base import MaskLaw
from mixlib.laws.grid import to_pixels

LOG_ASPECT = math.log(1 / 0.3)  # rectangles are at most 3.3 times as long as wide
PATIENCE = 10  # a mask is left as it is after so many useless rectangles in a row


@dataclass(frozen=True)
class Blocks(MaskLaw):
    """Rectangles of tokens.

    Args:
        grid: tokens per side (14 for 16-pixel patches of 224 pixels); fewer on fewer pixels.
        extra: tokens on top of (1 - lambda) grid^2; 14 as released.
    """

    grid: int = 14
    extra: int = 0

    def draw(
        self, lam: Float[Tensor, " n"], size: tuple[int, int], rng: torch.Generator
    ) -> Float[Tensor, "n h w"]:
        grid = (min(self.grid, size[0]), min(self.grid, size[1]))
        tokens = grid[0] * grid[1]
        count = (((1 - lam) * tokens).floor().long() + self.extra).clamp(max=tokens)
        covered = cover(_units(len(lam), rng), count, grid)
        return (~to_pixels(covered, size)).to(lam.dtype)


def _units(n: int, rng: torch.Generator) -> Iterator[Float[Tensor, "n 4"]]:
    """Uniform numbers for one proposal after the other."""
    while True:
        yield torch.rand(n, 4, generator=rng, device=rng.device, dtype=torch.float64)


def cover(
    units: Iterable[Float[Tensor, "n 4"]], count: Int[Tensor, " n"], grid: tuple[int, int]
) -> Bool[Tensor, "n g k"]:
    """Masks with (nearly always exactly) ``count`` tokens covered.

    Args:
        units: proposals, each uniform numbers for area, aspect, row and column of a rectangle.
        count: tokens to cover.
        grid: tokens vertically and horizontally.
    """
    h, w = grid
    covered = torch.zeros(len(count), h, w, dtype=torch.bool, device=count.device)
    missing, useless = count.clone(), torch.zeros_like(count)
    rows, cols = (torch.arange(length, device=count.device) for length in grid)
    for unit in units:
        area = 1 + unit[:, 0] * (missing - 1).clamp(min=0)
        aspect = (LOG_ASPECT * (2 * unit[:, 1] - 1)).exp()
        height, width = (area * aspect).sqrt().round(), (area / aspect).sqrt().round()
        top = (unit[:, 2] * (h - height + 1)).floor()
        left = (unit[:, 3] * (w - width + 1)).floor()
        down = (rows >= top[:, None]) & (rows < (top + height)[:, None])
        across = (cols >= left[:, None]) & (cols < (left + width)[:, None])
        new = down[:, :, None] & across[:, None, :] & ~covered
        gain = new.sum((1, 2))
        # a rectangle as long as the grid is refused, except on grids too small for any other
        fits = ((height < h) | (h == 1)) & ((width < w) | (w == 1))
        good = (missing > 0) & (gain > 0) & (gain <= missing) & fits
        covered |= new & good[:, None, None]
        missing = missing - gain * good
        useless = torch.where(good, 0, useless + 1)
        if not bool(((missing > 0) & (useless < PATIENCE)).any()):
            break
        # what has run out of patience stays as it is
        missing = torch.where(useless < PATIENCE, missing, 0)
    return covered
