"""The labeling energy of PuzzleMix: unary and pairwise costs on a grid, for a batch of problems.

Every cell takes a label l of {0 .. n-1}; the energy is (Kim et al., ICML 2020, eq. 4)

    E(l) = sum_i unary[i, l_i] + sum_(i,j) weight_ij ((l_i - l_j) / (n - 1))^2.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Costs:
    """Costs of a batch of labelings on an h x w grid with n labels.

    Attributes:
        unary: float [B, h, w, n], cost of every label in every cell; convex in the label for more
            than two labels (PuzzleMix's prior makes it so).
        down: float [B, h - 1, w], weight between a cell and the one below; not negative.
        right: float [B, h, w - 1], weight between a cell and the one to its right; not negative.
    """

    unary: Float[Tensor, "B h w n"]
    down: Float[Tensor, "B hd w"]
    right: Float[Tensor, "B h wr"]

    @property
    def levels(self) -> int:
        return self.unary.shape[-1]

    @property
    def grid(self) -> tuple[int, int]:
        return self.unary.shape[1], self.unary.shape[2]

    def turned(self) -> Costs:
        """The same problem with rows and columns exchanged."""
        return Costs(self.unary.transpose(1, 2), self.right.mT, self.down.mT)

    def of(self, images: Tensor) -> Costs:
        """The problems of some images of the batch (index or boolean mask)."""
        return Costs(self.unary[images], self.down[images], self.right[images])


def energy(costs: Costs, labels: Int[Tensor, "B h w"]) -> Float[Tensor, " B"]:
    """Energy of given labels, one number per image."""
    own = costs.unary.gather(-1, labels[..., None]).sum((1, 2, 3))
    step = labels.to(own.dtype) / (costs.levels - 1)
    down = costs.down * (step[:, 1:] - step[:, :-1]).square()
    right = costs.right * (step[:, :, 1:] - step[:, :, :-1]).square()
    return own + down.sum((1, 2)) + right.sum((1, 2))
