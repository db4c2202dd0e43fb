"""Schedules of AutoMix: the momentum of k (eq. 12) and the weight of the lambda loss (eq. 7).

One value per optimizer step, as a float64 array of the whole run: a schedule can then be plotted,
compared and resumed without state.  The released code computes the last one from its own previous
value; :func:`LamWeight.values` says what that amounts to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from mixlib.core.arguments import NotNegative, Share, check_fields


def _cosine(steps: int) -> np.ndarray:
    """(1 + cos(pi t / T)) / 2 for t = 0 .. T - 1."""
    return (1 + np.cos(np.pi * np.arange(steps) / steps)) / 2


@dataclass(frozen=True)
class Momentum:
    """Momentum m of k's moving average, eq. (12): theta_k <- m theta_k + (1 - m) theta_q.

    Args:
        start: m0 (0.999 everywhere).
        end: value approached at the end: 1 in the paper (section 4.1), released 0.999999 (CIFAR,
            Tiny), 0.99999 (ImageNet, CUB), 0.99996 (ViTs on CIFAR).  start = end is a constant; 0
            makes k a copy of q ("m = 0", Table 10).
        hold: share of the run before the cosine takes over (released: 0.1, ViTs 0.25).  The cosine
            is not restarted there, so m jumps a little.
        warm: what happens during the hold: "hold" stays at ``start``; "linear" runs from ``start``
            to ``end``.
        copy_first: step 0 uses m = 0, a hard copy (released when there is no hold phase).

    Example:
        >>> Momentum(0.9).values(4).round(3).tolist()
        [0.9, 0.915, 0.95, 0.985]
    """

    start: Share = 0.999
    end: Share = 1.0
    hold: Share = 0.0
    warm: Literal["hold", "linear"] = "hold"
    copy_first: bool = False

    def __post_init__(self) -> None:
        check_fields(self)
        if self.start > self.end:
            raise ValueError(f"Momentum: start must be at most end, got {self}")

    def values(self, steps: int) -> np.ndarray:
        """m at each of ``steps`` steps, float64 [steps]."""
        values = self.end - (self.end - self.start) * _cosine(steps)
        held = int(self.hold * steps)
        values[:held] = self.start
        if self.warm == "linear" and held:
            values[:held] += (self.end - self.start) * np.arange(held) / held
        if self.copy_first:
            values[:1] = 0.0
        return values


def constant(momentum: float) -> Momentum:
    """The same momentum throughout: a plain exponential moving average."""
    return Momentum(start=momentum, end=momentum)


@dataclass(frozen=True)
class LamWeight:
    """Weight gamma of the lambda loss, eq. (7).

    Args:
        start: gamma at step 0 (0.1).
        shape: "linear" to 0 (the paper, below eq. 7); "constant" (released CIFAR and Tiny);
            "cosine" to 0 (what the released ImageNet configs ask for); "compounding" (what they
            get).

    Example:
        >>> LamWeight().values(4).round(3).tolist()
        [0.1, 0.075, 0.05, 0.025]
    """

    start: NotNegative = 0.1
    shape: Literal["linear", "constant", "cosine", "compounding"] = "linear"

    def __post_init__(self) -> None:
        check_fields(self)

    def values(self, steps: int) -> np.ndarray:
        """gamma at each of ``steps`` steps, float64 [steps].

        "compounding" is start * prod_{u <= t} (1 + cos(pi u / T)) / 2: the released hook takes the
        current value for its base, so the factors multiply up and gamma is 1/e after about
        (1.216 T^2)^(1/3) steps (1.3 of 100 ImageNet epochs).
        """
        if self.shape == "linear":
            return self.start * (1 - np.arange(steps) / steps)
        if self.shape == "constant":
            return np.full(steps, self.start)
        if self.shape == "cosine":
            return self.start * _cosine(steps)
        return self.start * np.cumprod(_cosine(steps))
