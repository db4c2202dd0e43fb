"""The draws of one AutoMix step: lambda and the partners, once for each branch.

AutoMix draws two lambdas from Beta(alpha, alpha), alpha = 2, and two permutations (Algorithm 1):
one pair makes the samples that train the Mix Block, the other those that train the classifier.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mixlib.core.lam import LamLaw
from mixlib.core.mix import Mix, pair
from mixlib.core.policy import Pairing, Scope, partners


@dataclass(frozen=True)
class Draw:
    """One lambda and one set of partners.

    Attributes:
        lam: float [1] for the whole batch or [B]: share of the own image.
        partner: int64 [B].
        shift: see :class:`mixlib.core.mix.Mix`.
    """

    lam: Float[Tensor, " n"]
    partner: Int[Tensor, " B"]
    shift: int | None = None

    def mix(self, own: Float[Tensor, "B H W"]) -> Mix:
        """The mix with this mask of the own image; its label share is lambda, never the mask's
        mean (paper and release correct no labels)."""
        lam = self.lam.expand(len(self.partner))
        return pair(self.partner, own, lam, shift=self.shift)


def draws(
    count: int,
    batch: int,
    law: LamLaw,
    scope: Scope,
    pairing: Pairing,
    rng: torch.Generator,
    device: torch.device,
) -> list[Draw]:
    """``count`` independent draws for one batch: all lambdas first, then all partners.

    With a CPU generator nothing here waits for the device.

    Args:
        count: how many.
        batch: B.
        law: law of lambda.
        scope: one lambda per "batch" (released) or per "sample".
        pairing: see :func:`mixlib.core.policy.partners`; "permute" is the released one.
        rng: the only source of randomness.
        device: where the draws are needed.
    """
    each = batch if scope == "sample" else 1
    lam = law.sample(count * each, rng).float().to(device, non_blocking=True).split(each)
    made = []
    for i in range(count):
        partner, shift = partners(batch, pairing, rng)
        made.append(Draw(lam[i], partner.to(device, non_blocking=True), shift))
    return made


def draw_at(lam: float, batch: int, device: torch.device) -> Draw:
    """The draw at a given lambda, one for the batch, with the batch backwards as partners."""
    partner = torch.arange(batch - 1, -1, -1, device=device)
    return Draw(torch.tensor([lam], device=device), partner)
