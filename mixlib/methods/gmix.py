"""GMix: a Gaussian bell instead of a box.  Park, Yun and Chun, "A Unified Analysis of MSDA",
NeurIPS 2022, section 4 and Figure 3.

With k = min(lambda, 1 - lambda) and a uniform center pixel, G = exp(-pi d^2 / (k N^2)): a bell that
would cover the share k of the image if it lay wholly inside.  M = G for lambda < 1/2, else 1 - G;
the label is the realized mean.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mixlib.core.arguments import Positive, checked
from mixlib.core.hyperparameters import same
from mixlib.core.lam import Beta
from mixlib.core.mask import Laws, MaskLaw
from mixlib.core.method import Method
from mixlib.core.policy import ByLaw, Pairing, Policy, Scope
from mixlib.masks.clipped_boxes import centers


def fall(
    center: Int[Tensor, " n"], share: Float[Tensor, " n"], length: int, area: int
) -> Float[Tensor, "n length"]:
    """The bell along one axis: exp(-pi d^2 / (share area)).

    A share of 0 gives no bell at all (0 everywhere), where the formula has 0 / 0 at the center.
    """
    place = torch.arange(length, device=center.device, dtype=share.dtype)
    none = (share <= 0)[:, None]
    scale = math.pi / (share[:, None].masked_fill(none, 1.0) * area)
    bump = torch.exp(-scale * (place - center[:, None]) ** 2)
    return bump.masked_fill(none, 0.0)


def bell(
    center: Int[Tensor, "n 2"], share: Float[Tensor, " n"], size: tuple[int, int]
) -> Float[Tensor, "n h w"]:
    """exp(-pi d^2 / (share h w)): its integral over the whole plane is share h w."""
    area = size[0] * size[1]
    down, across = (fall(center[:, axis], share, n, area) for axis, n in enumerate(size))
    return down[:, :, None] * across[:, None, :]


@dataclass(frozen=True)
class GMix(MaskLaw):
    """A Gaussian bell of the rarer image.

    Args:
        nonsquare: the release measures both axes by the height and is meant for square images:
            "error" refuses others; "area" takes h w for N^2, which agrees on squares.

    Raises:
        ValueError: on drawing for a non-square size with ``nonsquare="error"``.

    Example:
        >>> lam, rng = torch.full((2,), 0.75, dtype=torch.float64), torch.Generator()
        >>> GMix().sample(lam, (8, 8), rng).shape
        torch.Size([2, 8, 8])
    """

    nonsquare: Literal["error", "area"] = "error"

    def draw(
        self, lam: Float[Tensor, " n"], size: tuple[int, int], rng: torch.Generator
    ) -> Float[Tensor, "n h w"]:
        if size[0] != size[1] and self.nonsquare == "error":
            raise ValueError(
                f"GMix is defined for square images, got {size[0]} x {size[1]}; "
                'GMix(nonsquare="area") takes h w for N^2'
            )
        return self.mask(lam, centers(len(lam), size, rng), size)

    def mask(
        self, lam: Float[Tensor, " n"], center: Int[Tensor, "n 2"], size: tuple[int, int]
    ) -> Float[Tensor, "n h w"]:
        """The mask of given centers (row, column)."""
        rarer = bell(center, torch.minimum(lam, 1 - lam), size)
        return torch.where((lam < 0.5)[:, None, None], rarer, 1 - rarer)


@checked
def gmix(alpha: Positive = 1.0, scope: Scope = "sample", pairing: Pairing = "roll") -> Policy:
    """GMix (Park et al., NeurIPS 2022): a bell of one image on the other, label by its mean.

    Released: one bell per batch, the batch backwards as partners.

    Args:
        alpha: lambda ~ Beta(alpha, alpha).
        scope: one bell per "sample" or one for the "batch".
        pairing: see :func:`mixlib.core.policy.partners`.

    Example:
        >>> images, labels = torch.zeros(4, 3, 8, 8), torch.arange(4)
        >>> rng = torch.Generator().manual_seed(0)
        >>> mix = gmix().draw(images, labels, None, rng)
        >>> torch.allclose(mix.weight, mix.dense().mean((2, 3)))
        True
    """
    return ByLaw(GMix("area"), Beta(alpha), scope, pairing)


LAWS: Laws = {"gmix": lambda size: GMix("area")}

_CITE = (
    "Park et al., A Unified Analysis of Mixed Sample Data Augmentation: A Loss Function "
    "Perspective, NeurIPS 2022, arXiv:2208.09913"
)

ROW = Method(
    "gmix",
    "GMix",
    "gmix",
    _CITE,
    2022,
    same(alpha=1.0),
    released={"scope": "batch", "pairing": "reverse"},
)
