"""Designed masks: laws with prescribed regularization coefficients.

Constructions of our own for the existence statement of Park, Yun and Chun, NeurIPS 2022 ("we can
make MSDA that having desired regularizing condition").  All have E[M | lambda] = lambda and the
label lambda, so that the coefficients are c2 + E Cov(M | lambda).  How their parameters follow from
prescribed coefficients is ``theory.design``'s business.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mixlib.core.mask import Laws, MaskLaw, as_dense


def draw_indices(weights: Float[Tensor, " k"], n: int, rng: torch.Generator) -> Tensor:
    """n indices with the given probabilities."""
    unit = torch.rand(n, generator=rng, device=rng.device, dtype=torch.float64)
    edges = (weights.double() / weights.double().sum()).cumsum(0).to(rng.device)
    return torch.searchsorted(edges, unit).clamp(max=len(weights) - 1)


@dataclass(frozen=True)
class Cosines(MaskLaw):
    """M = lambda + min(lambda, 1 - lambda) cos(2 pi (ky y / h + kx x / w) + phase), with a random
    frequency and a uniform phase: Cov(M | lambda) = min(lambda, 1 - lambda)^2 / 2 times the
    correlation whose spectrum the frequencies' probabilities are.

    Args:
        frequencies: (ky, kx) in cycles per image.
        weights: their probabilities (normalized on use).

    Raises:
        ValueError: no frequency, negative weights, or lists of different lengths.
    """

    frequencies: tuple[tuple[int, int], ...]
    weights: tuple[float, ...]
    unbiased = True
    label = "drawn"

    def __post_init__(self) -> None:
        if not self.weights or len(self.weights) != len(self.frequencies):
            raise ValueError("Cosines needs one weight for each of at least one frequency")
        if min(self.weights) < 0 or sum(self.weights) <= 0:
            raise ValueError("Cosines needs weights that are not negative and not all zero")

    def draw(
        self, lam: Float[Tensor, " n"], size: tuple[int, int], rng: torch.Generator
    ) -> Float[Tensor, "n h w"]:
        n, (h, w) = len(lam), size
        chosen = draw_indices(torch.tensor(self.weights, dtype=torch.float64), n, rng).cpu()
        k = torch.tensor(self.frequencies, dtype=torch.float64)[chosen].to(lam.device)
        phase = torch.rand(n, generator=rng, device=rng.device, dtype=torch.float64)
        down = k[:, :1] * torch.arange(h, device=lam.device) / h
        across = k[:, 1:] * torch.arange(w, device=lam.device) / w
        turn = down[:, :, None] + across[:, None, :] + phase[:, None, None]
        swing = torch.minimum(lam, 1 - lam)[:, None, None]
        wave = torch.cos(2 * math.pi * turn).to(lam.dtype)
        return (lam[:, None, None] + swing * wave).clamp(0, 1)


@dataclass(frozen=True, eq=False)
class Field(MaskLaw):
    """M = 1 where a stationary Gaussian field exceeds its (1 - lambda)-quantile: binary masks with
    the coefficients' full amplitude.

    Args:
        spectrum: float64 [h, w], the field's spectrum on the torus, not negative.

    Raises:
        ValueError: a negative or vanishing spectrum; on drawing, a size other than the spectrum's.
    """

    spectrum: Float[Tensor, "h w"]
    unbiased = True
    label = "drawn"

    def __post_init__(self) -> None:
        if self.spectrum.min() < 0 or self.spectrum.sum() <= 0:
            raise ValueError("Field needs a spectrum that is not negative and not all zero")

    def draw(
        self, lam: Float[Tensor, " n"], size: tuple[int, int], rng: torch.Generator
    ) -> Float[Tensor, "n h w"]:
        if tuple(self.spectrum.shape) != size:
            shape = tuple(self.spectrum.shape)
            raise ValueError(f"this Field was designed for {shape}, asked for {size}")
        noise = torch.randn(len(lam), *size, generator=rng, device=rng.device, dtype=torch.float64)
        # unit variance at every pixel: the mean of the squared gains is one
        gain = (self.spectrum / self.spectrum.mean()).sqrt().to(noise)
        values = torch.fft.ifft2(torch.fft.fft2(noise) * gain).real
        level = torch.special.ndtri(1 - lam.double())[:, None, None]
        return (values > level).to(lam.dtype)


@dataclass(frozen=True, eq=False)
class Modes(MaskLaw):
    """M = lambda + min(lambda, 1 - lambda) e v, with a random mode v (largest modulus 1) and a
    random sign e: Cov(M | lambda) = min(lambda, 1 - lambda)^2 sum_r p_r v_r v_r^T.

    Args:
        modes: float64 [r, h, w], largest modulus at most 1.
        weights: float64 [r], their probabilities (normalized on use).

    Raises:
        ValueError: a mode beyond 1 or a negative weight; on drawing, another size.
    """

    modes: Float[Tensor, "r h w"]
    weights: Float[Tensor, " r"]
    unbiased = True
    label = "drawn"

    def __post_init__(self) -> None:
        if self.modes.abs().max() > 1 + 1e-12 or self.weights.min() < 0:
            raise ValueError("Modes needs values within [-1, 1] and weights that are not negative")

    def draw(
        self, lam: Float[Tensor, " n"], size: tuple[int, int], rng: torch.Generator
    ) -> Float[Tensor, "n h w"]:
        if tuple(self.modes.shape[1:]) != size:
            shape = tuple(self.modes.shape[1:])
            raise ValueError(f"these Modes were designed for {shape}, asked for {size}")
        chosen = draw_indices(self.weights, len(lam), rng)
        unit = torch.rand(len(lam), generator=rng, device=rng.device, dtype=torch.float64)
        sign = torch.where(unit < 0.5, -1.0, 1.0).to(lam.dtype)
        swing = (sign * torch.minimum(lam, 1 - lam))[:, None, None]
        mode = self.modes.to(rng.device)[chosen].to(lam.dtype)
        return (lam[:, None, None] + swing * mode).clamp(0, 1)


@dataclass(frozen=True)
class Mixture(MaskLaw):
    """Each sample's mask from one of several laws: coefficients mix linearly.

    The label is lambda where every law's is, else the realized mean (which for Mixup and HMix is
    lambda, too).

    Args:
        laws: the laws.
        weights: their probabilities (normalized on use).

    Raises:
        ValueError: lists of different lengths, or weights that are no probabilities.
    """

    laws: tuple[MaskLaw, ...]
    weights: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.laws or len(self.laws) != len(self.weights):
            raise ValueError("Mixture needs one weight for each of at least one law")
        if min(self.weights) < 0 or sum(self.weights) <= 0:
            raise ValueError("Mixture needs weights that are not negative and not all zero")

    @property
    def unbiased(self) -> bool:  # type: ignore[override]
        return all(law.unbiased for law in self.laws)

    @property
    def follows_lambda(self) -> bool:  # type: ignore[override]
        return all(law.follows_lambda for law in self.laws)

    @property
    def label(self) -> str:  # type: ignore[override]
        return "drawn" if all(law.label == "drawn" for law in self.laws) else "realized"

    def draw(
        self, lam: Float[Tensor, " n"], size: tuple[int, int], rng: torch.Generator
    ) -> Float[Tensor, "n h w"]:
        chosen = draw_indices(torch.tensor(self.weights, dtype=torch.float64), len(lam), rng)
        masks = torch.empty(len(lam), *size, dtype=lam.dtype, device=lam.device)
        for k, law in enumerate(self.laws):
            mine = chosen == k
            if mine.any():
                masks[mine] = as_dense(law.draw(lam[mine], size, rng), size, lam.dtype)
        return masks


def _falling(size: tuple[int, int]) -> Float[Tensor, "h w"]:
    """A spectrum that falls with the frequency."""
    rows, cols = (torch.fft.fftfreq(n, dtype=torch.float64) * n for n in size)
    return 1 / (1 + rows[:, None] ** 2 + cols**2)


def _ramps(size: tuple[int, int]) -> Float[Tensor, "2 h w"]:
    """A mode that falls along either axis."""
    down, across = (torch.linspace(1, -1, n, dtype=torch.float64) for n in size)
    return torch.stack([down[:, None].expand(size), across.expand(size)])


LAWS: Laws = {
    "cosines": lambda size: Cosines(((0, 1), (2, 1)), (0.5, 0.5)),
    "field": lambda size: Field(_falling(size)),
    "modes": lambda size: Modes(_ramps(size), torch.tensor([0.5, 0.5], dtype=torch.float64)),
    "mixture": lambda size: Mixture(
        (Cosines(((1, 0),), (1.0,)), Field(_falling(size))), (0.5, 0.5)
    ),
}
