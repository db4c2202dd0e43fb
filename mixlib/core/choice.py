"""Which of several ways of mixing, and for whom?  Stochastic Mixup & CutMix, mixing at times.

Two kinds of choice:

* :class:`Choice` takes one policy for a whole batch (any policies, at any sites);
* :class:`Stochastic` chooses between mask laws for every sample, every pair or the batch, as timm's
  ``Mixup`` does in its modes elem, pair and batch (DeiT: Touvron et al., ICML 2021; RSB: Wightman
  et al., 2021; the "stochastic" rows of Park et al., NeurIPS 2022).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from mixlib.core.mix import Mix
from mixlib.core.net import Net
from mixlib.core.policy import Keep, Policy


@dataclass(frozen=True)
class Choice(Policy):
    """One of several policies for every batch.

    Args:
        policies: the alternatives.
        odds: their probabilities; what is missing to 1 leaves the batch as it is.

    Raises:
        ValueError: not one probability per policy, or a sum above 1.
    """

    policies: tuple[Policy, ...]
    odds: tuple[float, ...]

    def __post_init__(self) -> None:
        _check_odds(self.odds, len(self.policies))

    @property
    def needs(self) -> frozenset[str]:  # type: ignore[override]
        return frozenset().union(*(policy.needs for policy in self.policies))

    @property
    def places(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(site for policy in self.policies for site in policy.places))

    def settle(self, rng: torch.Generator) -> Policy:
        which = int(pick(self.odds, 1, rng))
        return self.policies[which].settle(rng) if which < len(self.policies) else Keep()

    def draw(self, z: Tensor, y: Int[Tensor, " B"], net: Net | None, rng: torch.Generator) -> Mix:
        """Draws at the input; a policy that mixes elsewhere needs :meth:`settle` before the pass.

        Raises:
            ValueError: the chosen policy does not mix at the input.
        """
        now = self.settle(rng)
        if now.site != "input":
            raise ValueError(f"the chosen policy mixes at {now.site!r}: call settle(rng) first")
        return now.draw(z, y, net, rng)


def pick(odds: Sequence[float], n: int, rng: torch.Generator) -> Int[Tensor, " n"]:
    """Indices drawn with these odds; ``len(odds)`` where none is taken."""
    bounds = torch.tensor(odds, dtype=torch.float64, device=rng.device).cumsum(0)
    unit = torch.rand(n, generator=rng, device=rng.device, dtype=torch.float64)
    # a sum of 1 must leave nothing over, whatever its rounding
    bounds[-1:] = torch.where(bounds[-1:] > 1 - 1e-9, 2.0, bounds[-1:])
    return torch.searchsorted(bounds, unit, right=True)


def _check_odds(odds: Sequence[float], count: int) -> None:
    if len(odds) != count or min(odds, default=0) < 0 or sum(odds) > 1 + 1e-9:
        raise ValueError(f"expected {count} probabilities with a sum of at most 1, got {odds}")
