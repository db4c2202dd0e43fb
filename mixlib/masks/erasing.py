"""Erasing: a region of every image gives way to a fill, labels stay.

What Cutout (DeVries and Taylor, 2017), Random Erasing (Zhong et al., AAAI 2020) and Hide-and-Seek
(Singh and Lee, ICCV 2017) share; they differ in the :class:`Region`.  As a mix the second source is
the fill in place of another sample, with no label weight.  Zero is the mean image for normalized
inputs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mixlib.core.mix import Boxes, MadeUp, Mix, pair
from mixlib.core.net import Net
from mixlib.core.policy import Policy

Fill = Literal["zero", "color", "noise"]


class Region(ABC):
    """Where an image is erased."""

    @abstractmethod
    def draw(self, n: int, size: tuple[int, int], rng: torch.Generator) -> Boxes | Tensor:
        """Erased boxes, or what stays as float [n, h, w]."""


@dataclass(frozen=True)
class Erase(Policy):
    """Erases a region of every image.

    Args:
        region: where.
        fill: "zero"; "color", one normal color per image; or "noise", normal at every pixel.
        prob: of erasing anything at all, for every image by itself.
    """

    region: Region
    fill: Fill = "zero"
    prob: float = 1.0

    def draw(self, z: Tensor, y: Int[Tensor, " B"], net: Net | None, rng: torch.Generator) -> Mix:
        n, channels, *size = z.shape
        own = self.region.draw(n, (size[0], size[1]), rng)
        if self.prob < 1:
            erased = torch.rand(n, generator=rng, device=rng.device) < self.prob
            own = _only(own, erased)
        shape = {"zero": (1, channels, 1, 1), "color": (n, channels, 1, 1), "noise": z.shape}
        content = torch.zeros(shape["zero"], device=rng.device)
        if self.fill != "zero":
            content = torch.randn(shape[self.fill], generator=rng, device=rng.device)
        content = content.to(z.device, z.dtype, non_blocking=True)
        itself = torch.arange(n, device=rng.device)
        mix = pair(itself, own, torch.ones(n, device=rng.device)).to(z.device)
        moves = (None, MadeUp())
        return Mix(mix.source, mix.weight, mix.mask, mix.shift, (None, content), moves=moves)


def _only(own: Boxes | Float[Tensor, "n h w"], erased: Tensor) -> Boxes | Tensor:
    """The same regions, none where ``erased`` is false."""
    if isinstance(own, Boxes):
        return Boxes(own.edges * erased[:, None], own.size)
    return torch.where(erased[:, None, None], own, 1)
