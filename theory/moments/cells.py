"""Exact moments of masks made of random cells: GridMix' coins, and TokenMix' fixed number of tokens
(Liu et al., ECCV 2022).
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mixlib.core.lam import Fixed, LamLaw
from mixlib.masks.cells import enlarge
from mixlib.methods.gridmix import CoinCells
from mixlib.methods.random_tokens import CountedCells
from theory.moments.exact import (
    Moments,
    Share,
    constant_moments,
    exact_moments,
    label_rule,
    require_drawn,
)
from theory.moments.lam import mixup_coefficient


def _same_cell(
    grid: tuple[int, int], size: tuple[int, int], rows: Tensor | None
) -> Float[Tensor, "r s"]:
    """1 where two pixels lie in the same cell."""
    names = torch.arange(grid[0] * grid[1], dtype=torch.float64).view(1, *grid)
    cell = enlarge(names, size).flatten()
    return (cell[:, None] == cell if rows is None else cell[rows, None] == cell).double()


@exact_moments.register
def _(
    law: CoinCells,
    lam: LamLaw,
    size: tuple[int, int],
    rows: Int[Tensor, " r"] | None = None,
    share: Share = "law",
) -> Moments:
    require_drawn(law, share)
    c2 = mixup_coefficient(lam)
    return constant_moments(size, rows, 2 * c2, c2 * (1 + _same_cell(law.grid, size, rows)))


@exact_moments.register
def _(
    law: CountedCells,
    lam: LamLaw,
    size: tuple[int, int],
    rows: Int[Tensor, " r"] | None = None,
    share: Share = "law",
) -> Moments:
    total = law.grid[0] * law.grid[1]
    if size[0] % law.grid[0] or size[1] % law.grid[1]:
        raise NotImplementedError(f"exact cells need a grid that divides the image: {law}, {size}")
    if not isinstance(lam, Fixed) or law.extra is None:
        raise NotImplementedError("exact counted cells need a fixed lambda and a fixed count")
    count = min(total, int((1 - lam.value) * total) + law.extra)
    weight = {"drawn": lam.value, "own": 1.0}.get(label_rule(law, share), 1 - count / total)
    pairs = max(total * (total - 1), 1)
    # probability that two pixels both go to the partner: one cell, or two different ones
    same = _same_cell(law.grid, size, rows)
    one, two = count / total, count * (count - 1) / pairs
    rest = total - count
    one_lost, both_lost = rest / total, rest * (rest - 1) / pairs
    near, far = (weight * p + (1 - weight) * q for p, q in ((one, one_lost), (two, both_lost)))
    return constant_moments(size, rows, near, near * same + far * (1 - same))
