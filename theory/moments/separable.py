"""Second moments of separable masks as sums of Kronecker products of 1-D second moments: a
coefficient map of 224 x 224 pixels takes a second.

Given its lambda interval, a box has fixed sides and independent row and column intervals; given
lambda, a Gaussian is a product of a row and a column factor.  So every second moment is a short sum
    A[(y, x), (y', x')] = sum_h sum_{l,m} C_h[l, m] P_hl[y, y'] Q_hm[x, x'],
where l, m are the clipped lengths, on which label and filling depend.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from .exact import Moments


@dataclass(frozen=True)
class Axis:
    """Clipped intervals of one axis, centers grouped by the length l that the border leaves.

    Attributes:
        length: float64 [L].
        one: [L, n], P(length l, pixel inside); zero: [L], P(length l).
        two: [L, r, n], P(length l, both pixels inside), rows r as asked for.
    """

    length: Float[Tensor, " L"]
    zero: Float[Tensor, " L"]
    one: Float[Tensor, "L n"]
    two: Float[Tensor, "L r n"]


class Parts(NamedTuple):
    """Coefficients by clipped lengths [L, M]: E~[u_j] = a0 + a1 B_j, and E~[u_j u_k] = c0 + c1 (B_j
    + B_k) + c2 B_j B_k."""

    a0: Float[Tensor, "L M"]
    a1: Float[Tensor, "L M"]
    c0: Float[Tensor, "L M"]
    c1: Float[Tensor, "L M"]
    c2: Float[Tensor, "L M"]


@final
class Total:
    """Adds up a and A: A_jk = constant + linear_j + linear_k + quadratic_jk, for all pixels j or
    for some rows."""

    def __init__(self, size: tuple[int, int], rows: Int[Tensor, " r"] | None) -> None:
        h, w = size
        self.size, self.rows = size, rows
        self.at = (torch.arange(h), torch.arange(w)) if rows is None else (rows // w, rows % w)
        self.a = torch.zeros(h * w, dtype=torch.float64)
        self.constant = 0.0
        self.linear = torch.zeros(h * w, dtype=torch.float64)
        count = h * w if rows is None else len(rows)
        self.quadratic = torch.zeros(count, h * w, dtype=torch.float64)

    def add(self, parts: Parts, down: Axis, across: Axis) -> None:
        """Adds one term for every pair of clipped lengths, see :class:`Parts`."""
        self.a += down.zero @ parts.a0 @ across.zero
        self.a += (down.one.T @ parts.a1 @ across.one).flatten()
        self.constant += (down.zero @ parts.c0 @ across.zero).item()
        self.linear += (down.one.T @ parts.c1 @ across.one).flatten()
        h, w = self.size
        if self.rows is None:
            mixed = down.two.flatten(1).T @ (parts.c2 @ across.two.flatten(1))  # [(y y'), (x x')]
            self.quadratic += mixed.view(h, h, w, w).permute(0, 2, 1, 3).reshape(h * w, h * w)
        else:
            right = torch.einsum("lm,mrx->rlx", parts.c2, across.two)
            self.quadratic += torch.einsum("lry,rlx->ryx", down.two, right).flatten(1)

    def moments(self) -> Moments:
        """What has been added up."""
        own = self.linear if self.rows is None else self.linear[self.rows]
        full = self.constant + own[:, None] + self.linear + self.quadratic
        return Moments(self.size, self.a, full, self.rows)
