"""Manifold Mixup: Mixup of hidden representations, at a random depth.

Verma et al., "Manifold Mixup: Better Representations by Interpolating Hidden States", ICML 2019,
section 2: for every batch a place is drawn, uniformly from the input and the first stages.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from mixlib.core.arguments import Positive, checked
from mixlib.core.hyperparameters import alphas
from mixlib.core.lam import Beta, LamLaw
from mixlib.core.method import Method
from mixlib.core.mix import Mix
from mixlib.core.net import Net
from mixlib.core.policy import ByLaw, Pairing, PairPolicy, Policy, Scope
from mixlib.methods.mixup import Flat


@dataclass(frozen=True)
class Manifold(PairPolicy):
    """Mixup at one of several sites.

    Args:
        lam: law of lambda.
        sites: places, equally likely; "input" is one.
        scope: one lambda per "sample" or one for the "batch".
        pairing: see :func:`mixlib.core.policy.partners`.
    """

    lam: LamLaw
    sites: tuple[str, ...] = ("input", "stage1", "stage2")
    scope: Scope = "sample"
    pairing: Pairing = "roll"

    @property
    def places(self) -> tuple[str, ...]:
        return self.sites

    def choose(self, rng: torch.Generator) -> Policy:
        which = int(torch.randint(len(self.sites), (), generator=rng, device=rng.device))
        return ByLaw(Flat(), self.lam, self.scope, self.pairing, self.sites[which])

    def draw(self, z: Tensor, y: Int[Tensor, " B"], net: Net | None, rng: torch.Generator) -> Mix:
        """Never for itself: where the batch is mixed must be known before the forward pass.

        Raises:
            TypeError: always; call :meth:`choose` first.
        """
        raise TypeError("ManifoldMix mixes at a site that choose(rng) draws: call that first")


@checked
def manifoldmix(
    alpha: Positive = 2.0,
    sites: tuple[str, ...] = ("input", "stage1", "stage2"),
    scope: Scope = "sample",
    pairing: Pairing = "roll",
) -> Policy:
    """Manifold Mixup (Verma et al., ICML 2019).

    Released: one lambda per batch, partners by permutation.

    Args:
        alpha: lambda ~ Beta(alpha, alpha).
        sites: where a batch may be mixed, equally likely.
        scope: one lambda per "sample" or one for the "batch".
        pairing: see :func:`mixlib.core.policy.partners`.

    Example:
        >>> rng = torch.Generator().manual_seed(0)
        >>> policy = manifoldmix(sites=("input", "stage1"))
        >>> policy.choose(rng).site in policy.places
        True
    """
    return Manifold(Beta(alpha), tuple(sites), scope, pairing)


ROW = Method(
    "manifoldmix",
    "ManifoldMix",
    "manifoldmix",
    "Verma et al., Manifold Mixup: Better Representations by Interpolating Hidden States, "
    "ICML 2019, arXiv:1806.05236",
    2019,
    alphas(2.0, cifar=2.0, large=0.2, fine=0.5, inat=0.2),
    released={"scope": "batch", "pairing": "permute"},
)
