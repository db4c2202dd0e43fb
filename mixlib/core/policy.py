"""Who decides the mask, from what it may see?  A policy: tensors at a site of the network in, a
:class:`Mix` out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Literal

import torch
from jaxtyping import Int
from torch import Tensor

from mixlib.core.mix import Mix, rolled

if TYPE_CHECKING:
    from mixlib.core.net import Net
from dataclasses import dataclass

from mixlib.core.lam import LamLaw
from mixlib.core.mask import MaskLaw, label_share
from mixlib.core.mix import identity, pair
from mixlib.core.net import Net

Scope = Literal["sample", "batch"]


Pairing = Literal["roll", "permute", "reverse"]


class Policy(ABC):
    """Decides how a batch is mixed.

    ``needs`` names what it looks at beyond the tensor itself ("input_grad", "features",
    "attention", "teacher"): the extra cost of a step follows from it.  ``site`` is where the mix is
    applied: "input" or a site of the net (ManifoldMix, AlignMix); a policy receives the tensor at
    its site. Who runs the network asks :meth:`settle` first, see
    :func:`mixlib.core.objective.mixed_forward`.
    """

    needs: frozenset[str] = frozenset()
    site: str = "input"

    @property
    def places(self) -> tuple[str, ...]:
        """Every site where :meth:`settle` may decide to mix."""
        return (self.site,)

    def settle(self, rng: torch.Generator) -> Policy:
        """The policy of the next batch: decides what must be known before the forward pass, which
        of several policies it is and where it mixes.  Most have nothing to decide."""
        return self

    @abstractmethod
    def draw(self, z: Tensor, y: Int[Tensor, " B"], net: Net | None, rng: torch.Generator) -> Mix:
        """Draws one mix for the batch.

        Args:
            z: [B, C, H, W] (or tokens [B, N, C]), the tensor at ``site``.
            y: int64 [B], labels.
            net: the network in training, for policies that look into it; others ignore it.
            rng: the only source of randomness.
        """


def partners(
    n: int, pairing: Pairing, rng: torch.Generator
) -> tuple[Int[Tensor, " n"], int | None]:
    """Who mixes with whom.

    Args:
        n: batch size.
        pairing: "roll": everyone's partner is ``shift`` places on, shift uniform in 1..n-1: no
            sample meets itself and nothing need be gathered (the loader has shuffled already, so
            the pairs are random); "permute": a random permutation, fixed points and all (mixup,
            CutMix and PuzzleMix as released); "reverse": the batch backwards (timm, DeiT, TokenMix
            as released).

    Returns:
        int64 [n] partners on the generator's device, and the shift where there is one.
    """
    if pairing == "roll":
        unit = torch.rand((), generator=rng, device=rng.device)
        shift = 1 + int(unit.item() * (n - 1)) if n > 1 else 0
        return rolled(n, shift, rng.device), shift
    if pairing == "permute":
        return torch.randperm(n, generator=rng, device=rng.device), None
    if pairing == "reverse":
        return torch.arange(n - 1, -1, -1, device=rng.device), None
    raise ValueError(f"pairing must be roll, permute or reverse, got {pairing!r}")


def grid_of(z: Tensor) -> tuple[int, int]:
    """Height and width of the tensor that a mask must cover; tokens lie on a square grid."""
    if z.ndim == 4:
        return z.shape[-2], z.shape[-1]
    side = round(z.shape[1] ** 0.5)
    if z.ndim != 3 or side * side != z.shape[1]:
        raise ValueError(
            f"expected [B, C, H, W] or a square grid of tokens [B, N, C], got {tuple(z.shape)}"
        )
    return side, side


@dataclass(frozen=True)
class ByLaw(Policy):
    """Mixes by a mask law.

    Args:
        law: the mask law.
        lam: the law of lambda.
        scope: one lambda and mask per "sample" (the definition of every paper here) or one for the
            whole "batch" (most releases: cheaper, and noisier by a factor of the batch size).
        pairing: see :func:`mixlib.core.policy.partners`.
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
