"""Mixup: the same weight at every pixel.  Zhang et al., "mixup", ICLR 2018, eq. (1)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mixlib.core.arguments import Positive, checked
from mixlib.core.hyperparameters import alphas
from mixlib.core.lam import Beta
from mixlib.core.mask import Laws, MaskLaw
from mixlib.core.method import Method
from mixlib.core.policy import ByLaw, Pairing, Policy, Scope


@dataclass(frozen=True)
class Flat(MaskLaw):
    """M = lambda at every pixel; returned 1 x 1, it broadcasts over any image.

    Example:
        >>> Flat().sample(torch.tensor([0.25]), (2, 2), torch.Generator()).tolist()
        [[[0.25, 0.25], [0.25, 0.25]]]
    """

    unbiased = True
    flat = True
    label = "drawn"

    def draw(
        self, lam: Float[Tensor, " n"], size: tuple[int, int], rng: torch.Generator
    ) -> Float[Tensor, "n 1 1"]:
        return lam[:, None, None]


@checked
def mixup(alpha: Positive = 1.0, scope: Scope = "sample", pairing: Pairing = "roll") -> Policy:
    """Mixup (Zhang et al., ICLR 2018): convex combinations, lambda ~ Beta(alpha, alpha).

    Example:
        >>> images, labels = torch.zeros(4, 3, 8, 8), torch.arange(4)
        >>> rng = torch.Generator().manual_seed(0)
        >>> mix = mixup(alpha=0.2).draw_at(images, labels, None, 0.25, rng)
        >>> mix.weight[0].tolist(), mix.mask.shape
        ([0.25, 0.75], torch.Size([1, 2, 1, 1]))
    """
    return ByLaw(Flat(), Beta(alpha), scope, pairing)


LAWS: Laws = {"mixup": lambda size: Flat()}

ROW = Method(
    "mixup",
    "Mixup",
    "mixup",
    "Zhang et al., mixup: Beyond Empirical Risk Minimization, ICLR 2018, arXiv:1710.09412",
    2018,
    alphas(1.0, cifar=1.0, large=1.0, fine=1.0, inat=0.2),
)
