"""A random choice of one policy for every batch, and mixing some of the batches only.

Any policies, at any sites; the choice between mask laws within a batch is
:mod:`mixlib.methods.stochastic`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

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

    Example:
        >>> from mixlib.methods.cutmix import cutmix
        >>> from mixlib.methods.mixup import mixup
        >>> rng = torch.Generator().manual_seed(0)
        >>> policy = Choice((mixup(), cutmix()), (0.5, 0.3))  # a fifth of the batches stays
        >>> policy.choose(rng).site
        'input'
    """

    policies: tuple[Policy, ...]
    odds: tuple[float, ...]

    def __post_init__(self) -> None:
        check_odds(self.odds, len(self.policies))

    @property
    def needs(self) -> frozenset[str]:  # type: ignore[override]
        return frozenset().union(*(policy.needs for policy in self.policies))

    @property
    def places(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(site for policy in self.policies for site in policy.places))

    def without_mixing(self) -> Policy:
        return replace(self, policies=tuple(policy.without_mixing() for policy in self.policies))

    def check_net(self, net: Net) -> None:
        for policy in self.policies:
            policy.check_net(net)

    def at(self, lam: float) -> Policy:
        odds = certain(self.odds)
        mixing = [(policy.at(lam), p) for policy, p in zip(self.policies, odds, strict=True) if p]
        return Choice(tuple(policy for policy, _ in mixing), tuple(p for _, p in mixing))

    def choose(self, rng: torch.Generator) -> Policy:
        which = int(draw_choices(self.odds, 1, rng))
        return self.policies[which].choose(rng) if which < len(self.policies) else Keep()

    def draw(self, z: Tensor, y: Int[Tensor, " B"], net: Net | None, rng: torch.Generator) -> Mix:
        """Draws at the input; a policy that mixes elsewhere needs :meth:`choose` before the pass.

        Raises:
            ValueError: the chosen policy does not mix at the input.
        """
        now = self.choose(rng)
        if now.site != "input":
            raise ValueError(f"the chosen policy mixes at {now.site!r}: call choose(rng) first")
        return now.draw(z, y, net, rng)


def draw_choices(odds: Sequence[float], n: int, rng: torch.Generator) -> Int[Tensor, " n"]:
    """Indices drawn with these odds; ``len(odds)`` where none is taken."""
    bounds = torch.tensor(odds, dtype=torch.float64, device=rng.device).cumsum(0)
    unit = torch.rand(n, generator=rng, device=rng.device, dtype=torch.float64)
    # a sum of 1 must leave nothing over, whatever its rounding
    bounds[-1:] = torch.where(bounds[-1:] > 1 - 1e-9, 2.0, bounds[-1:])
    return torch.searchsorted(bounds, unit, right=True)


def certain(odds: Sequence[float]) -> tuple[float, ...]:
    """The same odds, given that one of the alternatives is taken.

    Raises:
        ValueError: none ever is.
    """
    total = sum(odds)
    if total <= 0:
        raise ValueError(f"nothing is ever mixed with the probabilities {tuple(odds)}")
    return tuple(share / total for share in odds)


def check_odds(odds: Sequence[float], count: int) -> None:
    if len(odds) != count or min(odds, default=0) < 0 or sum(odds) > 1 + 1e-9:
        raise ValueError(f"expected {count} probabilities with a sum of at most 1, got {odds}")
