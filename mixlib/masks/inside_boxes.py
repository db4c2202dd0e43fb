"""Boxes that lie within the image, of sides uniform in a range: timm's ``cutmix_minmax``.

Unlike CutMix' (Yun et al., ICCV 2019) they are not cut at the border, and lambda has no influence.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mixlib.core.boxes import Boxes
from mixlib.core.mask import Laws, MaskLaw


@dataclass(frozen=True)
class InsideBox(MaskLaw):
    """A box that lies within the image, its sides uniform in a range.

    Args:
        low, high: of the sides, as shares of the image's.

    Raises:
        ValueError: not 0 <= low <= high <= 1.
    """

    low: float
    high: float
    follows_lambda = False

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high <= 1:
            raise ValueError(
                f"cutmix_minmax needs 0 <= min <= max <= 1, got {self.low}, {self.high}"
            )

    def draw(self, lam: Float[Tensor, " n"], size: tuple[int, int], rng: torch.Generator) -> Boxes:
        unit = torch.rand(len(lam), 2, 2, generator=rng, device=rng.device, dtype=torch.float64)
        limit = torch.tensor(size, device=rng.device)
        least, most = ((limit * share).long() for share in (self.low, self.high))
        side = least + (unit[:, 0] * (most - least).clamp(min=1)).long()
        first = (unit[:, 1] * (limit - side + 1)).long()
        return Boxes(torch.cat([first, side], dim=1), size)


LAWS: Laws = {"boxes inside the image": lambda size: InsideBox(0.2, 0.8)}
