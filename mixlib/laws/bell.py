"""GMix and SmoothMix: a bell of one image on the other.

GMix (Park et al., NeurIPS 2022, section 4): the image of the smaller share k = min(lambda,
1 - lambda) shows through exp(-pi d^2 / (k H W)) around a uniform centre, whose integral over the
plane is k H W.  SmoothMix (Lee et al., CVPR Workshops 2020): a bell of the partner whose width is
uniform on a quarter to half of the image, whatever lambda.  Both label with the mask's mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from mixlib.laws.base import MaskLaw
from mixlib.laws.box import centres

Border = Literal["clip", "wrap"]


def bell(
    centre: Float[Tensor, "n 2"],
    spread: Float[Tensor, " n"],
    size: tuple[int, int],
    border: Border = "clip",
) -> Float[Tensor, "n h w"]:
    """exp(-d^2 / spread) on the grid.

    Args:
        centre: (row, column) in pixels; need not be whole.
        spread: in square pixels.
        size: (h, w).
        border: "clip" cuts the bell at the border; "wrap" adds up its images on the torus.
    """
    axes = []
    for axis in (0, 1):
        place = torch.arange(size[axis], device=centre.device, dtype=centre.dtype)
        away = place - centre[:, axis, None]
        # of the copies two periods away the widest bell of GMix (k = 1/2) shows 1e-6
        shifts = (-size[axis], 0, size[axis]) if border == "wrap" else (0,)
        axes.append(sum((-(away + s).square() / spread[:, None]).exp() for s in shifts))
    return (axes[0][:, :, None] * axes[1][:, None, :]).clamp(max=1)


@dataclass(frozen=True)
class Bell(MaskLaw):
    """GMix.

    Args:
        border: "clip" as released; "wrap" for the law on the torus, whose mean is lambda to 2e-5 on
            grids of 8 pixels and more (its sum of copies exceeds 1 by up to 0.0075 at the centre of
            the widest bells, and is cut there).
        label: the mask's mean as published, or the drawn lambda.
    """

    border: Border = "clip"
    label: Literal["drawn", "realised"] = "realised"

    @property
    def unbiased(self) -> bool:  # type: ignore[override]
        return self.border == "wrap"

    def draw(
        self, lam: Float[Tensor, " n"], size: tuple[int, int], rng: torch.Generator
    ) -> Float[Tensor, "n h w"]:
        return two_sided(centres(len(lam), size, rng).to(lam), lam, size, self.border)


def two_sided(
    centre: Float[Tensor, "n 2"],
    lam: Float[Tensor, " n"],
    size: tuple[int, int],
    border: Border = "clip",
) -> Float[Tensor, "n h w"]:
    """GMix's mask of the own image for given centres: its own bell where lambda < 1/2, the
    partner's elsewhere."""
    small = torch.minimum(lam, 1 - lam)
    # a share of zero is a bell without width: 0 everywhere instead of 0 / 0 at its centre
    spread = (small * size[0] * size[1] / torch.pi).clamp(min=1e-9)
    shape = bell(centre, spread, size, border) * (small > 0)[:, None, None]
    return torch.where((lam < 0.5)[:, None, None], shape, 1 - shape)


@dataclass(frozen=True)
class Smooth(MaskLaw):
    """SmoothMix: a bell of the partner.  The drawn lambda has no influence, the label is the mask's
    mean.

    Args:
        narrow, wide: limits of the bell's standard deviation, as a share of sqrt(H W).
    """

    narrow: float = 0.25
    wide: float = 0.5

    def draw(
        self, lam: Float[Tensor, " n"], size: tuple[int, int], rng: torch.Generator
    ) -> Float[Tensor, "n h w"]:
        # centres half a pixel off, uniform over the image, as in the public implementations
        low = torch.tensor([(length - 1) / 2 - length // 2 for length in size])
        centre = centres(len(lam), size, rng).to(lam) + low.to(lam)
        unit = torch.rand(len(lam), generator=rng, device=rng.device, dtype=lam.dtype)
        sigma = (self.narrow + (self.wide - self.narrow) * unit) * (size[0] * size[1]) ** 0.5
        return 1 - bell(centre, 2 * sigma.square(), size)
