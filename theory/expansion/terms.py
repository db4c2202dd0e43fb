"""Second-order expansions of the MSDA loss (Park, Yun and Chun, NeurIPS 2022, Theorem 1), with
exact averages over all pairs of images.

Data x_i [m, C, H, W], labels y_i [m, K], pairs (i, j) uniform with replacement, d_ij = x_j - x_i,
C_i = E_j[d_ij d_ij^T].  Assumptions: a loss affine in y; a mask law that depends neither on the
pair nor on the network; f twice differentiable on the segments.  Neither E[M | lambda] = lambda nor
w = lambda is assumed: the moments carry it.  Three expansions with the same moments:

:func:`swapped` is the paper's theorem, with the factor 1/2 and the softmax Hessian that its slides
drop,
    L + R1 + R2 + R3,
    R1 = E_i (p - y)^T J (a * (xbar - x_i)),
    R2 = 1/2 E_i <A o C_i, J^T H J>,
    R3 = 1/2 E_i sum_k (p - y)_k <A o C_i, Hess f_k>.
:func:`unswapped` keeps the mixed label and expands about x_i: exact to third order in u, good for
lambda near 1 only.  :func:`anchored` folds to w >= 1/2 and expands about the mean virtual point:
the accurate one on trained networks (after Carratino et al. 2020, generalized to masks).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from ..moments import Moments
from ..moments.tilt import Atoms
from .taylor import Jet, Loss, Model, curvature, evaluate, jet, loss_of, residual


class Swapped(NamedTuple):
    """Terms of the swapped expansion."""

    L: float
    R1: float
    R2: float
    R3: float


class Unswapped(NamedTuple):
    """Terms of the unswapped expansion."""

    L: float
    V0: float
    V1: float
    V2: float
    V3: float


class Anchored(NamedTuple):
    """Terms of the anchored expansion: loss at the mean virtual points, gradient term, Hessian
    term, covariance of label and displacement."""

    base: float
    Q2: float
    Q3: float
    Qx: float


class Along(NamedTuple):
    """Jets along every direction of a second moment, with the weights that add up to it."""

    at: Tensor  # int64 [n], anchor
    weight: Float[Tensor, " n"]
    jet: Jet


def roots(matrix: Float[Tensor, "s s"], size: tuple[int, int]) -> Float[Tensor, "r 1 h w"]:
    """Vectors v_r with sum_r v_r v_r^T = matrix, as one-channel images.

    Raises:
        ValueError: the matrix has a negative eigenvalue, so it is no second moment.
    """
    value, vector = torch.linalg.eigh(matrix)
    if value[0] < -1e-9 * value[-1].abs():
        raise ValueError(f"a second moment must be positive semi-definite, got {value[0]:.2e}")
    positive = value > 1e-15 * value[-1]
    scaled = vector[:, positive] * value[positive].sqrt()
    return scaled.T.reshape(-1, 1, *size)


def along(
    model: Model, points: Tensor, x: Tensor, matrix: Float[Tensor, "s s"]
) -> tuple[Along, Tensor]:
    """Jets at every point i along v_r * (x_j - x_i) for all j and all roots v_r of a matrix: summed
    with their weights (1 / m^2), any quadratic form in these directions is E_i <matrix o C_i, .>.

    Returns:
        the jets, and j of each.
    """
    m = len(x)
    root = roots(matrix, (x.shape[-2], x.shape[-1]))
    i, j, r = torch.cartesian_prod(
        torch.arange(m), torch.arange(m), torch.arange(len(root))
    ).unbind(1)
    direction = root[r] * (x[j] - x[i])
    weight = torch.full((len(i),), 1 / m**2, dtype=x.dtype)
    return Along(i, weight, jet(model, points[i], direction)), j


def swapped(
    model: Model,
    x: Float[Tensor, "m C H W"],
    y: Float[Tensor, "m K"],
    moments: Moments,
    kind: Loss = "cross-entropy",
) -> Swapped:
    """L, R1, R2, R3 with exact averages over all pairs.

    Cost: m^2 rank(A) second-order forward passes; for real networks use
    :func:`theory.expansion.on_networks.displaced` instead.
    """
    first = jet(model, x, moments.a.view(1, 1, *moments.size) * (x.mean(0) - x))
    rest = residual(first.f, y, kind)
    r1 = (rest * first.df).sum(1).mean()
    second, _ = along(model, x, x, moments.A)
    f, df, d2f = second.jet
    r2 = 0.5 * (second.weight * curvature(f, df, kind)).sum()
    r3 = 0.5 * (second.weight * (rest[second.at] * d2f).sum(1)).sum()
    base = loss_of(first.f, y, kind).mean()
    return Swapped(*(v.item() for v in (base, r1, r2, r3)))


def unswapped(
    model: Model,
    x: Float[Tensor, "m C H W"],
    y: Float[Tensor, "m K"],
    law: Atoms,
    kind: Loss = "cross-entropy",
) -> Unswapped:
    """L, V0 .. V3: the mixed label kept, the untilted u expanded about x_i."""
    u, prob, lost = (1 - law.own).flatten(1), law.prob, law.prob * (1 - law.share)
    size = (x.shape[-2], x.shape[-1])
    a0, b = prob @ u, (lost @ u).view(1, 1, *size)
    second, second_lost = ((u * w[:, None]).T @ u for w in (prob, lost))
    first = jet(model, x, a0.view(1, 1, *size) * (x.mean(0) - x))
    rest = residual(first.f, y, kind)
    v0 = -lost.sum() * ((y.mean(0) - y) * first.f).sum(1).mean()
    v1 = (rest * first.df).sum(1).mean() - _label_slope(model, x, x, y, b)
    whole, _ = along(model, x, x, second)
    v2 = 0.5 * (whole.weight * curvature(whole.jet.f, whole.jet.df, kind)).sum()
    v3 = 0.5 * (whole.weight * (rest[whole.at] * whole.jet.d2f).sum(1)).sum()
    part, j = along(model, x, x, second_lost)
    v3 = v3 - 0.5 * (part.weight * ((y[j] - y[part.at]) * part.jet.d2f).sum(1)).sum()
    base = loss_of(first.f, y, kind).mean()
    return Unswapped(*(v.item() for v in (base, v0, v1, v2, v3)))


def _label_slope(model: Model, points: Tensor, x: Tensor, y: Tensor, b: Tensor) -> Tensor:
    """E_ij (y_j - y_i)^T J(points_i) (b * d_ij)."""
    m = len(x)
    i, j = torch.cartesian_prod(torch.arange(m), torch.arange(m)).unbind(1)
    found = jet(model, points[i], b * (x[j] - x[i]))
    return ((y[j] - y[i]) * found.df).sum(1).mean()


def anchored(
    model: Model,
    x: Float[Tensor, "m C H W"],
    y: Float[Tensor, "m K"],
    law: Atoms,
    kind: Loss = "cross-entropy",
) -> Anchored:
    """Expansion about the mean virtual point of each anchor: no first-order term is left."""
    folded = law.folded()
    u, prob = (1 - folded.own).flatten(1), folded.prob
    lost = prob * (1 - folded.share)
    size = (x.shape[-2], x.shape[-1])
    mean, b = (prob @ u).view(1, 1, *size), (lost @ u).view(1, 1, *size)
    moved = mean * (x.mean(0) - x)
    points, label = x + moved, y + lost.sum() * (y.mean(0) - y)
    spread, _ = along(model, points, x, (u * prob[:, None]).T @ u)
    shift = jet(model, points, moved)
    rest = residual(shift.f, label, kind)
    # covariance = second moment minus the mean's outer product
    q2 = 0.5 * (spread.weight * curvature(spread.jet.f, spread.jet.df, kind)).sum()
    q2 = q2 - 0.5 * curvature(shift.f, shift.df, kind).mean()
    q3 = 0.5 * (spread.weight * (rest[spread.at] * spread.jet.d2f).sum(1)).sum()
    q3 = q3 - 0.5 * (rest * shift.d2f).sum(1).mean()
    slope = _label_slope(model, points, x, y, b)
    qx = -slope + lost.sum() * ((y.mean(0) - y) * shift.df).sum(1).mean()
    base = loss_of(shift.f, label, kind).mean()
    return Anchored(*(v.item() for v in (base, q2, q3, qx)))


def direct(
    model: Model,
    x: Float[Tensor, "m C H W"],
    y: Float[Tensor, "m K"],
    law: Atoms,
    kind: Loss = "cross-entropy",
    eps: float = 1.0,
) -> float:
    """The MSDA loss itself by the swapped sum over all pairs and atoms, displacements scaled by
    eps."""
    weight, u = law.tilted()
    m, total = len(x), 0.0
    for i in range(m):
        moved = x[i] + eps * u[:, None, None] * (x - x[i])  # [t, m, C, H, W]
        f = evaluate(model, moved.flatten(0, 1))
        loss = loss_of(f, y[i].expand(len(f), -1), kind)
        total += (weight @ loss.view(-1, m).sum(1)).item()
    return total / m**2


def mixed(
    model: Model,
    x: Float[Tensor, "m C H W"],
    y: Float[Tensor, "m K"],
    law: Atoms,
    kind: Loss = "cross-entropy",
) -> float:
    """The MSDA loss by its definition: mixed images with mixed labels.  Equals :func:`direct` by
    the swap lemma."""
    own, share = law.own[:, None, None], law.share[:, None, None]
    m, total = len(x), 0.0
    for i in range(m):
        f = evaluate(model, (own * x[i] + (1 - own) * x).flatten(0, 1))
        label = (share * y[i] + (1 - share) * y).flatten(0, 1)
        total += (law.prob @ loss_of(f, label, kind).view(-1, m).sum(1)).item()
    return total / m**2
