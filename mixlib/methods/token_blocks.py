"""TokenMix' masks: blocks of tokens, piled up until the partner has its share; label by area.

Liu et al., "TokenMix", ECCV 2022, section 3.1 (the block-wise masks of BEiT, Bao et al., ICLR 2022,
Algorithm 1).  A rectangle has an area uniform in [1, cells still missing] and a log-uniform aspect
in [0.3, 1/0.3]; it is taken if it adds at least one cell and not too many; ten refusals in a row
end the pile, so the partner's share can fall short of 1 - lambda.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mixlib.core.arguments import Count, Natural, Positive, Share, checked
from mixlib.core.hyperparameters import same
from mixlib.core.lam import Beta, Fixed
from mixlib.core.mask import Laws, MaskLaw
from mixlib.core.method import Method
from mixlib.core.mix import Boxes
from mixlib.core.policy import ByLaw, Pairing, Policy, Scope
from mixlib.masks.cells import counted, enlarge

ATTEMPTS = 10  # BEiT's release


ASPECT = 0.3  # BEiT's release; the largest aspect is its inverse


def units(n: int, rng: torch.Generator) -> Iterator[Float[Tensor, "n 4"]]:
    """Uniform numbers for the area, aspect, row and column of one rectangle after the other."""
    while True:
        yield torch.rand(n, 4, generator=rng, device=rng.device, dtype=torch.float64)


def proposals(
    wanted: Int[Tensor, " n"], grid: tuple[int, int], unit: Float[Tensor, "n 4"]
) -> Boxes:
    """One rectangle each; as high or as wide as the grid: returned empty (BEiT refuses it)."""
    area = 1 + unit[:, 0] * (wanted - 1).clamp(min=0)
    aspect = torch.exp((2 * unit[:, 1] - 1) * math.log(1 / ASPECT))
    side = torch.stack([(area * aspect).sqrt(), (area / aspect).sqrt()], dim=1).round().long()
    limit = torch.tensor(grid, device=unit.device)
    # a grid with one row or column has no room for BEiT's strict comparison
    fits = ((side < limit) | (limit == 1)).all(dim=1, keepdim=True)
    side = torch.minimum(side * fits, limit)
    corner = (unit[:, 2:] * (limit - side + 1)).long()
    return Boxes(torch.cat([corner, side], dim=1), grid)


def pile(
    count: Int[Tensor, " n"], grid: tuple[int, int], draws: Iterable[Float[Tensor, "n 4"]]
) -> Bool[Tensor, "n gh gw"]:
    """Cells of the partner: rectangles piled up towards ``count`` cells, all samples in step.

    ``draws`` are those of :func:`units`, or recorded ones.
    """
    taken = torch.zeros(len(count), *grid, dtype=torch.bool, device=count.device)
    wanted, refused = count.clone(), torch.zeros_like(count)
    for unit in draws:
        active = (wanted > 0) & (refused < ATTEMPTS)
        if not active.any():
            break
        new = proposals(wanted, grid, unit).inside() & ~taken
        gain = new.sum(dim=(1, 2))
        accepted = active & (gain > 0) & (gain <= wanted)
        taken |= new & accepted[:, None, None]
        wanted = wanted - gain * accepted
        refused = torch.where(accepted, 0, refused + 1)
    return taken


@dataclass(frozen=True)
class Blocks(MaskLaw):
    """BEiT's piled rectangles for the partner; label by the realized area.

    Args:
        grid: tokens down and across.
        extra: see :func:`mixlib.masks.cells.counted`; 14 in TokenMix's release, with lambda = 0.5.

    Raises:
        ValueError: an empty grid or a negative ``extra``.
    """

    grid: tuple[int, int] = (14, 14)
    extra: int = 0

    def __post_init__(self) -> None:
        if min(self.grid) < 1 or self.extra < 0:
            raise ValueError(f"Blocks needs grid >= 1 and extra >= 0, got {self}")

    def draw(
        self, lam: Float[Tensor, " n"], size: tuple[int, int], rng: torch.Generator
    ) -> Float[Tensor, "n h w"]:
        total = self.grid[0] * self.grid[1]
        partner = pile(counted(lam, total, self.extra, rng), self.grid, units(len(lam), rng))
        return enlarge((~partner).to(lam.dtype), size)


@checked
def token_blocks(
    alpha: Positive = 1.0,
    grid: Count = 14,
    scope: Scope = "sample",
    pairing: Pairing = "roll",
    lam: Share | None = None,
    extra: Natural = 0,
) -> Policy:
    """TokenMix's masks (Liu et al., ECCV 2022), label by area; by content it is
    :mod:`mixlib.methods.tokenmix`'s.

    Released: lambda is always 1/2 and 14 tokens are added, one mask per batch, the batch backwards
    as partners.

    Args:
        alpha: lambda ~ Beta(alpha, alpha).
        grid: tokens down and across.
        scope: one mask per "sample" or one for the "batch".
        pairing: see :func:`mixlib.core.policy.partners`.
        lam: a fixed lambda in the place of the Beta law.
        extra: tokens that the partner gets beyond its share.

    Example:
        >>> images, labels = torch.zeros(4, 3, 8, 8), torch.arange(4)
        >>> rng = torch.Generator().manual_seed(0)
        >>> mix = token_blocks(grid=4).draw(images, labels, None, rng)
        >>> mix.mask.shape
        torch.Size([4, 2, 8, 8])
    """
    law = Beta(alpha) if lam is None else Fixed(lam)
    return ByLaw(Blocks((grid, grid), extra), law, scope, pairing)


LAWS: Laws = {
    "token_blocks": lambda size: Blocks((4, 4)),
    "token_blocks, one more": lambda size: Blocks((4, 4), extra=1),
}

_CITE = (
    "Liu et al., TokenMix: Rethinking Image Mixing for Data Augmentation in Vision Transformers, "
    "ECCV 2022, arXiv:2207.08409"
)

ROW = Method(
    "token_blocks",
    "TokenMix masks, label by area",
    "token_blocks",
    _CITE,
    2022,
    same(alpha=1.0),
    released={"lam": 0.5, "extra": 14, "scope": "batch", "pairing": "reverse"},
)
