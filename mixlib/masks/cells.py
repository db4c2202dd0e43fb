"""Cells of a grid: how many go to the partner, and how they are enlarged to pixels.

Shared by the masks of tokens (TokenMix, Liu et al., ECCV 2022), GridMix and the methods that read a
network's feature map.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor


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
    exact = (1 - lam.double()) * total
    if extra is not None:
        return (exact.long() + extra).clamp(max=total)
    unit = torch.rand(len(lam), generator=rng, device=rng.device, dtype=torch.float64)
    return (exact + unit).floor().long().clamp(0, total)
