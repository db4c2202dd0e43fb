"""Exact moments of masks made of random cells: every cell for itself in GridMix (Baek et al.,
Pattern Recognition 2021), a fixed number of cells in the random tokens of TokenMix (Liu et
al., ECCV 2022).
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from mixlib.core.lam import Fixed, LamLaw
from mixlib.masks.cells import enlarge
from mixlib.methods.gridmix import CoinCells
from mixlib.methods.random_tokens import CountedCells

from .exact import (
    Moments,
    Share,
    constant_moments,
    exact_moments,
    label_rule,
)
from .lam import mixup_coefficient, partial_moment


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
    rule, c2 = label_rule(law, share), mixup_coefficient(lam)
    if rule == "own":
        raise NotImplementedError("coin cells have no exact form with share='own'")
    same = _same_cell(law.grid, size, rows)
    if rule == "drawn":
        return constant_moments(size, rows, 2 * c2, c2 * (1 + same))
    # w = 1 - p with p the realized area: E~[u u'] = E[u u'] + E[p (1 - u - u')], and a cell of
    # share r is itself a part of p: c2 (1 + same - r - r')
    whole = same if rows is None else _same_cell(law.grid, size, None)
    share_of_cell = whole.mean(1)
    own = share_of_cell if rows is None else share_of_cell[rows]
    second = c2 * (1 + same - own[:, None] - share_of_cell)
    return Moments(size, 2 * c2 * (1 - share_of_cell), second, rows)


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
    same = _same_cell(law.grid, size, rows)
    if law.extra is None and label_rule(law, share) == "realized":
        # w = 1 - k / T for k of T cells: both moments are multiples of E[k (T - k)]
        swing = _product_of_counts(lam, total)
        far = swing * (total - 2) / max(total - 1, 1)
        return constant_moments(size, rows, 2 * swing, 2 * swing * same + far * (1 - same))
    if not isinstance(lam, Fixed) or law.extra is None:
        raise NotImplementedError(
            "exact counted cells need the realized share as label, or a fixed lambda and count"
        )
    count = min(total, int((1 - lam.value) * total) + law.extra)
    weight = {"drawn": lam.value, "own": 1.0}.get(label_rule(law, share), 1 - count / total)
    pairs = max(total * (total - 1), 1)
    # probability that two pixels both go to the partner: one cell, or two different ones
    one, two = count / total, count * (count - 1) / pairs
    rest = total - count
    one_lost, both_lost = rest / total, rest * (rest - 1) / pairs
    near, far = (weight * p + (1 - weight) * q for p, q in ((one, one_lost), (two, both_lost)))
    return constant_moments(size, rows, near, near * same + far * (1 - same))


def _product_of_counts(lam: LamLaw, total: int) -> float:
    """E[k (T - k)] / T^2 for k = T (1 - lambda) rounded up or down at random to that
    mean: E[lambda (1 - lambda)] less the rounding's variance f (1 - f) / T^2, f the fraction."""
    j = np.arange(total)
    low, high = 1 - (j + 1) / total, 1 - j / total
    low[-1] = -1.0  # owns lambda = 0
    m0, m1, m2 = (partial_moment(lam, power, low, high) for power in range(3))
    top = total - j  # f = top - T lambda
    variance = top * m0 - total * m1 - (top**2 * m0 - 2 * top * total * m1 + total**2 * m2)
    return mixup_coefficient(lam) - float(variance.sum()) / total**2
