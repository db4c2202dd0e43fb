"""Policies that look at nothing: lambda from its law, the mask from a mask law (Mixup, CutMix,
FMix, HMix, GMix ...)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from mixlib.laws.base import Beta, Fixed, LamLaw, MaskLaw, label_share
from mixlib.laws.bell import GMix
from mixlib.laws.blocks import Blocks
from mixlib.laws.box import Box
from mixlib.laws.cells import CoinCells, CountedCells
from mixlib.laws.flat import Flat
from mixlib.laws.fourier import FMix
from mixlib.laws.hybrid import HMix
from mixlib.laws.lattice import Holes
from mixlib.laws.smooth import Smooth
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
        draws = batch if self.scope == "sample" else 1
        if self.law.flat:
            return pair(partner, None, self.lam.shares(draws, rng), shift=shift).to(z.device)
        lam = self.lam.sample(draws, rng)
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
    """CutMix (Yun et al., ICCV 2019): one box of the partner, label by its realized area.

    ``released=True``: one box for the whole batch, odd sides lose a cell, partners by permutation.
    """
    if released:
        return ByLaw(Box("clip", "drop"), Beta(alpha), "batch", "permute")
    return ByLaw(Box("clip"), Beta(alpha), scope, pairing)


def fmix(
    alpha: float = 1.0,
    decay: float = 3.0,
    soft: float = 0.0,
    scope: Scope = "sample",
    pairing: Pairing = "roll",
    released: bool = False,
) -> Policy:
    """FMix (Harris et al., 2020): thresholded low-frequency noise; see
    :class:`mixlib.laws.fourier.FMix`.

    ``released=True``: the released frequency indexing, one mask per batch, partners by permutation.
    """
    if released:
        return ByLaw(FMix(decay, soft, released=True), Beta(alpha), "batch", "permute")
    return ByLaw(FMix(decay, soft), Beta(alpha), scope, pairing)


def hmix(
    alpha: float = 1.0,
    ratio: float = 0.5,
    scope: Scope = "sample",
    pairing: Pairing = "roll",
    released: bool = False,
) -> Policy:
    """HMix (Park et al., NeurIPS 2022): a box of the partner on a mixture of both.

    ``released=True``: one box per batch, the batch backwards as partners.
    """
    if released:
        return ByLaw(HMix(ratio), Beta(alpha), "batch", "reverse")
    return ByLaw(HMix(ratio), Beta(alpha), scope, pairing)


def gmix(
    alpha: float = 1.0, scope: Scope = "sample", pairing: Pairing = "roll", released: bool = False
) -> Policy:
    """GMix (Park et al., NeurIPS 2022): a bell of one image on the other, label by its mean.

    ``released=True``: one bell per batch, the batch backwards as partners.
    """
    if released:
        return ByLaw(GMix("area"), Beta(alpha), "batch", "reverse")
    return ByLaw(GMix("area"), Beta(alpha), scope, pairing)


def gridmix(
    alpha: float = 1.0,
    grid: int = 4,
    scope: Scope = "sample",
    pairing: Pairing = "roll",
    released: bool = False,
) -> Policy:
    """GridMix (Baek et al., Pattern Recognition 2021): every cell from either image.

    ``released=True``: the lattice of holes that OpenMixup calls GridMix, one per batch, partners by
    permutation.
    """
    if released:
        return ByLaw(Holes(), Beta(alpha), "batch", "permute")
    return ByLaw(CoinCells((grid, grid), "realized"), Beta(alpha), scope, pairing)


def smoothmix(scope: Scope = "sample", pairing: Pairing = "roll", released: bool = False) -> Policy:
    """SmoothMix (Lee et al., CVPR Workshops 2020): a wide bell of the partner.

    ``released=True``: one bell per batch, partners by permutation.  OpenMixup also exchanges the
    two label weights; that is not reproduced.
    """
    if released:
        return ByLaw(Smooth(), Fixed(0.5), "batch", "permute")
    return ByLaw(Smooth(), Fixed(0.5), scope, pairing)


def random_tokens(
    alpha: float = 1.0, grid: int = 14, scope: Scope = "sample", pairing: Pairing = "roll"
) -> Policy:
    """Random tokens (ablation of TokenMix, ECCV 2022): a fixed number of cells anywhere."""
    return ByLaw(CountedCells((grid, grid)), Beta(alpha), scope, pairing)


def token_blocks(
    alpha: float = 1.0,
    grid: int = 14,
    scope: Scope = "sample",
    pairing: Pairing = "roll",
    released: bool = False,
) -> Policy:
    """TokenMix's masks (Liu et al., ECCV 2022), label by area; by content it is
    :mod:`mixlib.policies.tokens`'s.

    ``released=True``: lambda is always 1/2 and 14 tokens are added, one mask per batch, the batch
    backwards as partners.
    """
    if released:
        return ByLaw(Blocks((grid, grid), extra=14), Fixed(0.5), "batch", "reverse")
    return ByLaw(Blocks((grid, grid)), Beta(alpha), scope, pairing)
