"""Random tokens: a fixed number of cells of the partner, all subsets equally likely.

Liu et al., "TokenMix", ECCV 2022, Table 7, mask type "random": the ablation of TokenMix' blocks.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mixlib.core.arguments import Count, Positive, checked
from mixlib.core.hyperparameters import same
from mixlib.core.lam import Beta
from mixlib.core.mask import Laws, MaskLaw
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


@checked
def random_tokens(
    alpha: Positive = 1.0, grid: Count = 14, scope: Scope = "sample", pairing: Pairing = "roll"
) -> Policy:
    """Random tokens (ablation of TokenMix, ECCV 2022): a fixed number of cells anywhere.

    Example:
        >>> images, labels = torch.zeros(4, 3, 8, 8), torch.arange(4)
        >>> rng = torch.Generator().manual_seed(0)
        >>> mix = random_tokens(grid=4).draw_at(images, labels, None, 0.25, rng)
        >>> mix.weight[0].tolist()
        [0.25, 0.75]
    """
    return ByLaw(CountedCells((grid, grid)), Beta(alpha), scope, pairing)


LAWS: Laws = {
    "random_tokens": lambda size: CountedCells((4, 4)),
    "random_tokens, one more": lambda size: CountedCells((4, 4), extra=1),
}

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
