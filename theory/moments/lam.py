"""Partial moments and quadrature nodes of the laws of lambda.

Masks of boxes depend on lambda through integers, so their exact moments need
E[lambda^p; low < lambda <= high] in closed form; Gaussians are smooth in lambda and need nodes.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import singledispatch

import numpy as np
import torch
from jaxtyping import Float
from numpy.polynomial.legendre import leggauss
from numpy.typing import NDArray
from scipy import special
from torch import Tensor

from mixlib.core.lam import Beta, Fixed, LamLaw, Uniform

WIDEST = 8.0
"""Ends of a panel, as distances from 0 or 1: Gauss' rule of 24 nodes is then exact to 1e-15."""


@dataclass(frozen=True)
class UniformSide(LamLaw):
    """lambda = 1 - side^2 with a uniform side: the location part of ResizeMix (Qin et al. 2020,
    section 3: side uniform in [0.1, 0.8])."""

    low: float = 0.1
    high: float = 0.8

    def __post_init__(self) -> None:
        if not 0 <= self.low < self.high <= 1:
            raise ValueError(f"UniformSide needs 0 <= low < high <= 1, got {self}")

    def sample(self, n: int, rng: torch.Generator) -> Float[Tensor, " n"]:
        return 1 - Uniform(self.low, self.high).sample(n, rng) ** 2


def parameters(lam: Beta) -> tuple[float, float]:
    """Both parameters of a Beta law."""
    return lam.a, lam.a if lam.b is None else lam.b


@singledispatch
def partial_moment(lam: LamLaw, power: int, low: NDArray, high: NDArray) -> NDArray:
    """E[lambda^power; low < lambda <= high], elementwise over the intervals.

    Raises:
        NotImplementedError: no closed form is known for this law of lambda.
    """
    raise NotImplementedError(f"no closed-form moments for the law of lambda {lam!r}")


@partial_moment.register
def _(lam: Beta, power: int, low: NDArray, high: NDArray) -> NDArray:
    a, b = parameters(lam)
    whole = np.exp(special.betaln(a + power, b) - special.betaln(a, b))
    low, high = np.clip(low, 0, 1), np.clip(high, 0, 1)
    return whole * (special.betainc(a + power, b, high) - special.betainc(a + power, b, low))


@partial_moment.register
def _(lam: Uniform, power: int, low: NDArray, high: NDArray) -> NDArray:
    if lam.low == lam.high:
        return partial_moment(Fixed(lam.low), power, low, high)
    low, high = (np.clip(x, lam.low, lam.high) for x in (low, high))
    return (high ** (power + 1) - low ** (power + 1)) / ((power + 1) * (lam.high - lam.low))


@partial_moment.register
def _(lam: Fixed, power: int, low: NDArray, high: NDArray) -> NDArray:
    # the interval that starts below zero owns lambda = 0
    return np.where((low < lam.value) & (lam.value <= high), lam.value**power, 0.0)


@partial_moment.register
def _(lam: UniformSide, power: int, low: NDArray, high: NDArray) -> NDArray:
    lower, upper = (np.clip(np.sqrt(np.clip(1 - x, 0, 1)), lam.low, lam.high) for x in (high, low))
    polynomial = np.polynomial.Polynomial([1.0, 0.0, -1.0]) ** power
    antiderivative = polynomial.integ()
    return (antiderivative(upper) - antiderivative(lower)) / (lam.high - lam.low)


def moment(lam: LamLaw, power: int) -> float:
    """E[lambda^power]."""
    return float(partial_moment(lam, power, np.array([-1.0]), np.array([1.0]))[0])


def mixup_coefficient(lam: LamLaw) -> float:
    """c2 = E[lambda (1 - lambda)], the second-order coefficient of Mixup: ab/((a+b)(a+b+1))."""
    return moment(lam, 1) - moment(lam, 2)


@singledispatch
def nodes(lam: LamLaw, edges: NDArray, order: int = 24) -> tuple[NDArray, NDArray]:
    """Quadrature nodes and weights (they sum to one) for E over lambda of a function that is smooth
    between the given interior edges.

    Raises:
        NotImplementedError: no quadrature is known for this law of lambda.
    """
    raise NotImplementedError(f"no quadrature for the law of lambda {lam!r}")


@nodes.register
def _(lam: Beta, edges: NDArray, order: int = 24) -> tuple[NDArray, NDArray]:
    a, b = parameters(lam)
    log_norm = special.betaln(a, b)
    inner = np.unique(edges[(edges > 0) & (edges < 1)])
    knots = _no_panel_beside_an_end(np.concatenate([[0.0], inner, [1.0]]))
    found = []
    for low, high in itertools.pairwise(knots):
        # Gauss-Jacobi takes up the density's power at an end of [0, 1]; Gauss-Legendre elsewhere
        left, right = (a - 1 if low == 0 else 0.0), (b - 1 if high == 1 else 0.0)
        unit, weight = special.roots_jacobi(order, right, left)
        half = (high - low) / 2
        x, below_one = low + half * (1 + unit), (1 - high) + half * (1 - unit)
        log_rest = special.xlogy(a - 1 - left, x) + special.xlogy(b - 1 - right, below_one)
        log_scale = (1 + left + right) * np.log(half) - log_norm
        found.append((x, weight * np.exp(log_rest + log_scale)))
    return np.concatenate([x for x, _ in found]), np.concatenate([w for _, w in found])


def _no_panel_beside_an_end(knots: NDArray) -> NDArray:
    """More knots between 0 and 1, so that no inner panel is longer than ``WIDEST - 1`` times its
    distance to an end, where the density's power is singular or its derivatives are."""
    more = [knots]
    for low, high in itertools.pairwise(knots[1:-1]):
        for near, far in ((low, high), (1 - high, 1 - low)):
            count = int(np.ceil(np.log(far / near) / np.log(WIDEST)))
            between = np.geomspace(near, far, count + 1)[1:-1]
            more.append(between if near == low else 1 - between)
    return np.unique(np.concatenate(more))


def _legendre(knots: NDArray, order: int) -> tuple[NDArray, NDArray]:
    unit, weight = leggauss(order)
    half, middle = np.diff(knots)[:, None] / 2, (knots[1:] + knots[:-1])[:, None] / 2
    return (middle + half * unit).ravel(), (half * weight).ravel() / (knots[-1] - knots[0])


@nodes.register
def _(lam: Uniform, edges: NDArray, order: int = 24) -> tuple[NDArray, NDArray]:
    if lam.low == lam.high:
        return np.array([lam.low]), np.array([1.0])
    inner = np.unique(edges[(edges > lam.low) & (edges < lam.high)])
    return _legendre(np.concatenate([[lam.low], inner, [lam.high]]), order)


@nodes.register
def _(lam: Fixed, edges: NDArray, order: int = 24) -> tuple[NDArray, NDArray]:
    return np.array([lam.value]), np.array([1.0])


@nodes.register
def _(lam: UniformSide, edges: NDArray, order: int = 24) -> tuple[NDArray, NDArray]:
    sides = np.sqrt(1 - np.clip(edges, 0, 1))
    inner = np.unique(sides[(sides > lam.low) & (sides < lam.high)])
    side, weight = _legendre(np.concatenate([[lam.low], inner, [lam.high]]), order)
    return 1 - side**2, weight
