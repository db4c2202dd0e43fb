"""The expansion on real networks: every term and the remainder, measured on one sample of
displacements (common random numbers) with forward-mode derivatives only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from ..estimates import group_sums, total
from .displacements import Displaced
from .taylor import (
    Loss,
    Model,
    curvature,
    evaluate,
    jet,
    loss_derivatives,
    loss_of,
    residual,
)

EPS = (1.0, 0.5, 0.25, 0.125, 0.0625, 0.03125)


@dataclass(frozen=True)
class Measured:
    """Terms of the expansion on one sample of displacements, with standard errors.

    Attributes:
        L, R1, R2, R3: the terms; L is the loss re-weighted by the anchors' masses.
        error: standard errors of the same four.
        eps: contractions of the displacements.
        loss: [e] mean loss at each eps; remainder: [e] loss - (L + eps R1 + eps^2 (R2 + R3)).
        remainder_error: [e] standard errors of the remainder.
    """

    L: float
    R1: float
    R2: float
    R3: float
    error: tuple[float, ...]
    eps: tuple[float, ...]
    loss: tuple[float, ...]
    remainder: tuple[float, ...]
    remainder_error: tuple[float, ...]

    @property
    def explained(self) -> float:
        """(R1 + R2 + R3) / (L_MSDA - L): the share of the MSDA penalty that the theorem's terms
        explain, at eps = 1."""
        return (self.R1 + self.R2 + self.R3) / (self.loss[self.eps.index(1.0)] - self.L)

    @property
    def slopes(self) -> tuple[float, ...]:
        """Measured order of the remainder between successive eps: 3 as eps -> 0 for smooth f."""
        return slopes(self.eps, self.remainder)


def slopes(eps: Sequence[float], remainder: Sequence[float]) -> tuple[float, ...]:
    """Logarithmic slopes of |remainder| between successive eps."""
    e, r = (torch.tensor(v, dtype=torch.float64) for v in (eps, remainder))
    return tuple((r.abs().log().diff() / e.log().diff()).tolist())


def leading(
    model: Model,
    x: Float[Tensor, "m C H W"],
    y: Float[Tensor, "m K"],
    displaced: Displaced,
    kind: Loss = "cross-entropy",
    chunk: int = 4096,
) -> tuple[float, float]:
    """(c3, c4) of the remainder c3 eps^3 + c4 eps^4 + ..., from the loss's own third and fourth
    derivatives along the displacements: what the measured remainder is held against."""
    moved = displaced.d.flatten(1).any(1)  # an image mixed with itself adds nothing
    anchor, weight = displaced.anchor[moved], displaced.weight[moved]
    found = loss_derivatives(model, x[anchor], displaced.d[moved], y[anchor], 4, kind, chunk)
    third, fourth = (float(weight @ values) for values in found)
    return third / 6, fourth / 24


def cancels(c3: float, c4: float, eps: float) -> bool:
    """True where the third-order terms of anchors and pairs nearly cancel, so that a slope measured
    between eps and eps / 2 need not be within 0.2 of 3."""
    return abs(c4) * eps > abs(c3) / 4


def expand(
    model: Model,
    x: Float[Tensor, "m C H W"],
    y: Float[Tensor, "m K"],
    displaced: Displaced,
    kind: Loss = "cross-entropy",
    eps: tuple[float, ...] = EPS,
    chunk: int = 512,
) -> Measured:
    """Terms and remainder on one sample of displacements.

    Args:
        model: [n, C, H, W] -> [n, K] in double precision, samples independent of one another.

    Raises:
        ValueError: single-precision data: the remainder at small eps would be rounding noise.
    """
    if x.dtype != torch.float64:
        raise ValueError(f"the remainder is measured in float64, got data in {x.dtype}")
    weight = displaced.weight
    base, r1, r2, r3, _ = terms_along(model, x, y, displaced, kind, chunk)
    losses, remainders = [], []
    for e in eps:
        loss = displaced_loss(model, x, y, displaced, kind, e, chunk)
        losses.append(loss)
        remainders.append(loss - base - e * r1 - e**2 * (r2 + r3))
    terms = (base, r1, r2, r3)
    l0, l1, l2, l3 = (float(weight @ v) for v in terms)
    return Measured(
        *(l0, l1, l2, l3),
        tuple(_error(displaced, v) for v in terms),
        eps,
        tuple(float(weight @ v) for v in losses),
        tuple(float(weight @ v) for v in remainders),
        tuple(_error(displaced, v) for v in remainders),
    )


class TermsAlong(NamedTuple):
    """Terms of single displacements, [n]: their weighted sums are L, R1, R2 and R3.

    Attributes:
        bend: largest |second derivative of a logit|: 0 where the logits are piecewise linear.
    """

    base: Float[Tensor, " n"]
    r1: Float[Tensor, " n"]
    r2: Float[Tensor, " n"]
    r3: Float[Tensor, " n"]
    bend: Float[Tensor, " n"]


def terms_along(
    model: Model,
    x: Float[Tensor, "m C H W"],
    y: Float[Tensor, "m K"],
    displaced: Displaced,
    kind: Loss = "cross-entropy",
    chunk: int = 512,
) -> TermsAlong:
    """l, (p - y) . J d, 1/2 d^T J^T H J d and 1/2 sum_k (p - y)_k d^T Hess f_k d of every
    displacement d: one forward pass over forward passes each, no Jacobian and no Hessian."""
    label = y[displaced.anchor]
    found = jet(model, x[displaced.anchor], displaced.d, chunk)
    rest = residual(found.f, label, kind)
    return TermsAlong(
        loss_of(found.f, label, kind),
        (rest * found.df).sum(1),
        0.5 * curvature(found.f, found.df, kind),
        0.5 * (rest * found.d2f).sum(1),
        found.d2f.abs().amax(1),
    )


def displaced_loss(
    model: Model,
    x: Float[Tensor, "m C H W"],
    y: Float[Tensor, "m K"],
    displaced: Displaced,
    kind: Loss = "cross-entropy",
    eps: float = 1.0,
    chunk: int = 512,
) -> Float[Tensor, " n"]:
    """l(f(x + eps d), y) of every displacement."""
    parts = zip(displaced.anchor.split(chunk), displaced.d.split(chunk), strict=True)
    f = torch.cat([evaluate(model, x[anchor] + eps * d) for anchor, d in parts])
    return loss_of(f, y[displaced.anchor], kind)


def _error(displaced: Displaced, values: Tensor) -> float:
    """Standard error of the weighted sum; nan where all of it is one draw."""
    terms = displaced.weight * values
    if displaced.group is not None:
        terms = group_sums(terms, displaced.group)
    return total(terms).error


def linear_certificate(df: Float[Tensor, "n K"], weight: Float[Tensor, " n"], kind: Loss) -> float:
    """Upper bound on |remainder| for logits linear in the input: E~[range(W d)^3] / (36 sqrt 3), by
    the bound on a third cumulant (|w . d| in place of the range for one logit).

    Args:
        df: W d of every displacement.
    """
    span = df.abs()[:, 0] if kind == "logistic" else df.amax(1) - df.amin(1)
    return float(weight @ span**3) / (36 * 3**0.5)
