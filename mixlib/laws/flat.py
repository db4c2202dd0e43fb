"""Mixup: the same weight at every pixel.  Zhang et al., "mixup", ICLR 2018, eq. (1)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mixlib.laws.base import MaskLaw


@dataclass(frozen=True)
class Flat(MaskLaw):
    """M = lambda at every pixel; returned 1 x 1, it broadcasts over any image."""

    unbiased = True
    flat = True
    label = "drawn"

    def draw(
        self, lam: Float[Tensor, " n"], size: tuple[int, int], rng: torch.Generator
    ) -> Float[Tensor, "n 1 1"]:
        return lam[:, None, None]
