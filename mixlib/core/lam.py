"""Laws of lambda: the random share of a sample's own image.

The mask given lambda is another law (:mod:`mixlib.core.mask`), because the theory draws lambda from
a tilted law and then the *same* masks as training.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

TINY = 0.01
"""Below this, both gamma variates of a Dirichlet draw may be 0 in double precision."""


class LamLaw(ABC):
    """Law of lambda, the nominal share of a sample's own image, in [0, 1].

    Example:
        >>> rng = torch.Generator().manual_seed(0)
        >>> Beta(1.0).shares(3, rng).shape, Fixed(0.25).shares(1, rng).tolist()
        (torch.Size([3, 2]), [[0.25, 0.75]])
    """

    @abstractmethod
    def sample(self, n: int, rng: torch.Generator) -> Float[Tensor, " n"]:
        """n independent draws, float64 on the generator's device."""

    def shares(self, n: int, rng: torch.Generator) -> Float[Tensor, "n 2"]:
        """The same draws as the shares of both images, (lambda, 1 - lambda)."""
        lam = self.sample(n, rng)
        return torch.stack([lam, 1 - lam], dim=1)


@dataclass(frozen=True)
class Beta(LamLaw):
    """lambda ~ Beta(a, b); b = a when omitted (mixup, Zhang et al. 2018, section 2).

    Example:
        >>> Beta(0.2).sample(3, torch.Generator().manual_seed(0)).shape
        torch.Size([3])
    """

    a: float
    b: float | None = None

    def __post_init__(self) -> None:
        if not (0 < self.a < math.inf and (self.b is None or 0 < self.b < math.inf)):
            raise ValueError(f"Beta needs finite parameters above 0, got a={self.a}, b={self.b}")

    def sample(self, n: int, rng: torch.Generator) -> Float[Tensor, " n"]:
        return self.shares(n, rng)[:, 0]

    def shares(self, n: int, rng: torch.Generator) -> Float[Tensor, "n 2"]:
        # a Dirichlet draw: normalized in log space inside, so alpha = 0.01 does not give 0/0
        pair = _concentration(self.a, self.a if self.b is None else self.b, rng.device)
        if max(self.a, self.b or self.a) < TINY:
            return _by_logarithms(pair.expand(n, 2), rng)
        return torch._sample_dirichlet(pair if n == 1 else pair.expand(n, 2), generator=rng)


def _by_logarithms(
    concentration: Float[Tensor, "n 2"], rng: torch.Generator
) -> Float[Tensor, "n 2"]:
    """A Dirichlet draw whose gamma variates need not be numbers of double precision: Gamma(a) is
    Gamma(a + 1) U^(1/a) (Marsaglia and Tsang, ACM TOMS 2000)."""
    above = torch._standard_gamma(concentration + 1, generator=rng).log()
    uniform = torch.rand(
        concentration.shape, generator=rng, dtype=concentration.dtype, device=rng.device
    )
    return (above + uniform.log() / concentration).softmax(1)


@lru_cache(maxsize=64)
def _concentration(a: float, b: float, device: torch.device) -> Float[Tensor, "1 2"]:
    """Made once: a fresh tensor would cost as much as the draw itself."""
    with torch.inference_mode(False):
        return torch.tensor([[a, b]], dtype=torch.float64, device=device)


@dataclass(frozen=True)
class Uniform(LamLaw):
    """lambda uniform on [low, high].

    Example:
        >>> float(Uniform(0.1, 0.8).sample(100, torch.Generator()).max()) <= 0.8
        True
    """

    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high <= 1:
            raise ValueError(f"Uniform needs 0 <= low <= high <= 1, got {self.low}, {self.high}")

    def sample(self, n: int, rng: torch.Generator) -> Float[Tensor, " n"]:
        unit = torch.rand(n, generator=rng, device=rng.device, dtype=torch.float64)
        return self.low + (self.high - self.low) * unit


@dataclass(frozen=True)
class Fixed(LamLaw):
    """lambda always the same (TokenMix's 0.5, figures at a given lambda).

    Example:
        >>> Fixed(0.5).sample(2, torch.Generator()).tolist()
        [0.5, 0.5]
    """

    value: float

    def __post_init__(self) -> None:
        if not 0 <= self.value <= 1:
            raise ValueError(f"lambda must lie in [0, 1], got {self.value}")

    def sample(self, n: int, rng: torch.Generator) -> Float[Tensor, " n"]:
        return torch.full((n,), self.value, dtype=torch.float64, device=rng.device)


@dataclass(frozen=True)
class Redrawn(LamLaw):
    """A draw of ``law``, replaced by a uniform one on [low, high] where it falls outside.

    OpenMixup's rule for ResizeMix's scale; with ``Beta(1)`` it is ``Uniform(low, high)``.

    Example:
        >>> float(Redrawn(Beta(1.0), 0.1, 0.8).sample(100, torch.Generator()).max()) <= 0.8
        True
    """

    law: LamLaw
    low: float
    high: float

    def __post_init__(self) -> None:
        Uniform(self.low, self.high)  # checks the interval

    def sample(self, n: int, rng: torch.Generator) -> Float[Tensor, " n"]:
        drawn = self.law.sample(n, rng)
        again = Uniform(self.low, self.high).sample(n, rng)
        return torch.where((drawn < self.low) | (drawn > self.high), again, drawn)
