"""Policies that look at nothing: lambda from its law, the mask from a mask law (Mixup, CutMix,
FMix, HMix, GMix ...)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from mixlib.laws.base import Beta, LamLaw, MaskLaw, label_share
from mixlib.laws.box import Box
from mixlib.laws.flat import Flat
from mixlib.mix import Mix, identity, pair
from mixlib.net import Net
from mixlib.policies.base import Pairing, Policy, Scope, grid_of, partners


@dataclass(frozen=True)
class ByLaw(Policy):
    """Mixes by a mask law.

    Args:
        law: the mask law.
        lam: the law of lambda.
        scope: one lambda and mask per "sample" (the definition of every paper here) or one for the
            whole "batch" (most releases: cheaper, and noisier by a factor of the batch size).
        pairing: see :func:`mixlib.policies.base.partners`.
        site: where to mix.
    """

    law: MaskLaw
    lam: LamLaw
    scope: Scope = "sample"
    pairing: Pairing = "roll"
    site: str = "input"

    def draw(self, z: Tensor, y: Int[Tensor, " B"], net: Net | None, rng: torch.Generator) -> Mix:
        batch = z.shape[0]
        partner, shift = partners(batch, self.pairing, rng)
        lam = self.lam.sample(batch if self.scope == "sample" else 1, rng)
        own = self.law.draw(lam, grid_of(z), rng)
        share = label_share(self.law, lam, own)
        own = own if not isinstance(own, Tensor) else own.float()
        return pair(partner, own, share, shift=shift).to(z.device)


@dataclass(frozen=True)
class Keep(Policy):
    """Leaves every sample as it is: the vanilla baseline."""

    def draw(self, z: Tensor, y: Int[Tensor, " B"], net: Net | None, rng: torch.Generator) -> Mix:
        return identity(z.shape[0], z.device)


def vanilla() -> Policy:
    """No mixing."""
    return Keep()


def mixup(alpha: float = 1.0, scope: Scope = "sample", pairing: Pairing = "roll") -> Policy:
    """Mixup (Zhang et al., ICLR 2018): convex combinations, lambda ~ Beta(alpha, alpha)."""
    return ByLaw(Flat(), Beta(alpha), scope, pairing)


def cutmix(
    alpha: float = 1.0, scope: Scope = "sample", pairing: Pairing = "roll", released: bool = False
) -> Policy:
    """CutMix (Yun et al., ICCV 2019): one box of the partner, label by its realised area.

    ``released=True``: one box for the whole batch, odd sides lose a cell, partners by permutation.
    """
    if released:
        return ByLaw(Box("clip", "drop"), Beta(alpha), "batch", "permute")
    return ByLaw(Box("clip"), Beta(alpha), scope, pairing)
