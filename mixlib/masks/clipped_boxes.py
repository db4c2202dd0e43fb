"""Boxes around uniform centers, cut at the border of the image.

Shared by CutMix (Yun et al., ICCV 2019, section 3.1), HMix, ResizeMix, SaliencyMix and Cutout.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import torch
from jaxtyping import Int
from torch import Tensor

from mixlib.core.boxes import Boxes

OddSide = Literal["keep", "drop"]


def centers(n: int, size: tuple[int, int], rng: torch.Generator) -> Int[Tensor, "n 2"]:
    """Uniform integer centers (row, column)."""
    unit = torch.rand(n, 2, generator=rng, device=rng.device, dtype=torch.float64)
    return (unit * limits(size, rng.device)).long()


@lru_cache(maxsize=64)
def limits(size: tuple[int, int], device: torch.device) -> Int[Tensor, "2"]:
    """(h, w) as a tensor, made once for every size and device; never written to."""
    with torch.inference_mode(False):
        return torch.tensor(size, device=device)


def clipped(
    center: Int[Tensor, "n 2"],
    side: Int[Tensor, "n 2"],
    size: tuple[int, int],
    odd: OddSide,
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
    limit = limits(size, center.device)
    low = (center - half).clamp(min=0)
    high = torch.minimum(center + reach, limit)
    return Boxes(torch.cat([low, high - low], dim=1), size)
