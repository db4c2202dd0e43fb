"""Random cells of a grid: which cells of the image go to the partner, none next to another by
design.

:class:`CountedCells`: as many cells as lambda says, all subsets equally likely (TokenMix, Liu et
al., ECCV 2022, "random" mask type of the released code and Table 7).  :class:`CoinCells`: every
cell tosses its own coin.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mixlib.core.hyperparameters import same
from mixlib.core.lam import Beta
from mixlib.core.mask import MaskLaw
from mixlib.core.method import Method
from mixlib.core.policy import ByLaw, Pairing, Policy, Scope
from mixlib.masks.cells import counted, enlarge


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


def random_tokens(
    alpha: float = 1.0, grid: int = 14, scope: Scope = "sample", pairing: Pairing = "roll"
) -> Policy:
    """Random tokens (ablation of TokenMix, ECCV 2022): a fixed number of cells anywhere."""
    return ByLaw(CountedCells((grid, grid)), Beta(alpha), scope, pairing)


_CITE = (
    "Liu et al., TokenMix: Rethinking Image Mixing for Data Augmentation in Vision Transformers, "
    "ECCV 2022, arXiv:2207.08409"
)

ROW = Method(
    "random_tokens",
    "Random tokens",
    "random_tokens",
    _CITE,
    2022,
    same(alpha=1.0),
    status="defined",
)
