"""CutMix: the partner fills one box.  Yun et al., "CutMix", ICCV 2019, eq. (2) and section 3.1.

The box has sides H sqrt(1 - lambda), W sqrt(1 - lambda) and a uniform center.  Clipped at the
border, as in training everywhere, E[M | lambda] is not lambda (0.486, 0.678, 0.917 at lambda = 0.1,
0.5, 0.9 for 32 x 32): the theory's premise fails.  ``border="wrap"`` is the unbiased law on the
torus.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import torch
from jaxtyping import Int
from torch import Tensor

from mixlib.core.mix import Boxes


def centers(n: int, size: tuple[int, int], rng: torch.Generator) -> Int[Tensor, "n 2"]:
    """Uniform integer centers (row, column)."""
    unit = torch.rand(n, 2, generator=rng, device=rng.device, dtype=torch.float64)
    return (unit * _limit(size, rng.device)).long()


@lru_cache(maxsize=64)
def _limit(size: tuple[int, int], device: torch.device) -> Int[Tensor, "2"]:
    with torch.inference_mode(False):
        return torch.tensor(size, device=device)


def clipped(
    center: Int[Tensor, "n 2"],
    side: Int[Tensor, "n 2"],
    size: tuple[int, int],
    odd: Literal["keep", "drop"],
) -> Boxes:
    """Boxes around their centers, cut at the border.

    Args:
        center: int64 [n, 2], (row, column).
        side: int64 [n, 2], (height, width) before clipping.
        size: (h, w) of the grid.
        odd: what becomes of an odd side: "keep" reaches one cell further on the high side (timm
            since 1.0.31), "drop" takes floor(side / 2) both ways and so loses a cell (CutMix's
            release, torchvision).
    """
    half = side >> 1
    reach = side - half if odd == "keep" else half
    limit = _limit(size, center.device)
    low = (center - half).clamp(min=0)
    high = torch.minimum(center + reach, limit)
    return Boxes(torch.cat([low, high - low], dim=1), size)
