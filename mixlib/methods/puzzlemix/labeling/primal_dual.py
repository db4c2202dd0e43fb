"""Certified labelings of large grids by a primal-dual iteration, for a whole batch at once.

With unary costs convex in the label and convex edge costs the energy of
:mod:`mixlib.methods.puzzlemix.labeling.costs` is L-natural convex (Murota, "Discrete Convex
Analysis", 2003, chapter 7): its piecewise linear interpolation has the same minimum, at whole
labels, and rounding a relaxed solution at a random threshold costs nothing on average.  The
relaxation is a saddle point

    min_u max_y  sum_i U_i(u_i) + <y, K u> - sum_e F_e*(y_e),      K u = differences along edges,

solved by a primal-dual iteration with diagonal steps (Chambolle and Pock 2011; Pock and Chambolle
2011).  Both proximal maps of piecewise linear functions are sums of clamps.  Any y gives a lower
bound, any rounding of u an upper bound; an image is done when they meet.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mixlib.methods.puzzlemix.labeling.costs import Costs, energy

# primal over dual step, in units of 1 / (mean edge weight of the image); 6 needs the fewest steps
# of 0.1 .. 32 on the reference's 16 x 16 problems: gap <= 3e-4 after 40, <= 2e-5 after 80
STEP_RATIO = 6.0
THRESHOLDS = (0.5, 0.3, 0.7)


@dataclass(frozen=True)
class Bracket:
    """Labels int64 [B, h, w], their energy [B] and a lower bound of the minimum [B]."""

    labels: Int[Tensor, "B h w"]
    upper: Float[Tensor, " B"]
    lower: Float[Tensor, " B"]

    def within(self, tolerance: float) -> Bool[Tensor, " B"]:
        """Is the energy proven to exceed the minimum by at most this share of it?"""
        return self.upper - self.lower <= tolerance * self.upper.abs()


@dataclass(frozen=True)
class _Problem:
    """The relaxation's data; edges are flat: first the downward ones, then the ones to the
    right."""

    costs: Costs
    slopes: Float[Tensor, "B h w k"]
    weight: Float[Tensor, "B E"]
    primal_step: Float[Tensor, "B h w"]
    dual_step: Float[Tensor, "B 1"]

    @classmethod
    def of(cls, costs: Costs) -> _Problem:
        weight = torch.cat([costs.down.flatten(1), costs.right.flatten(1)], 1)
        scale = STEP_RATIO / weight.mean(1).clamp(min=torch.finfo(weight.dtype).tiny)
        ones = torch.ones_like(weight[:1])
        degree = _gathered(ones, ones, costs.grid).clamp(min=1)
        return cls(
            costs,
            costs.unary.diff(dim=-1),
            weight,
            scale[:, None, None] / degree,
            0.5 / scale[:, None],
        )


def by_primal_dual(costs: Costs, tolerance: float, iterations: int, every: int = 20) -> Bracket:
    """Labels with a lower bound, for the whole batch; images need not reach the tolerance.

    Args:
        costs: the problems; unary costs convex in the label.
        tolerance: stop when every image's gap is at most this share of its energy.
        iterations: at most so many.
        every: how often rounding and bound are computed, and the device asked whether all are done.
    """
    problem = _Problem.of(costs)
    u = costs.unary.argmin(-1).to(costs.unary.dtype)
    y = torch.zeros_like(problem.weight)
    best: Bracket | None = None
    for start in range(0, iterations, every):
        for _ in range(min(every, iterations - start)):
            u, y = _step(problem, u, y)
        best = _bracket(problem, u, y, best)
        if bool(best.within(tolerance).all()):
            break
    assert best is not None
    return best


def _step(problem: _Problem, u: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    grid = problem.costs.grid
    pulled = u - problem.primal_step * _gathered(y, -y, grid)
    after = _prox_unary(pulled, problem)
    target = y + problem.dual_step * _differences(2 * after - u)
    return after, _prox_edges(target, problem)


def _differences(u: Float[Tensor, "B h w"]) -> Float[Tensor, "B E"]:
    return torch.cat([u.diff(dim=1).flatten(1), u.diff(dim=2).flatten(1)], 1)


def _gathered(
    at_end: Float[Tensor, "B E"], at_start: Float[Tensor, "B E"], grid: tuple[int, int]
) -> Float[Tensor, "B h w"]:
    """Per cell: the sum of ``at_end`` over edges that end there and of ``at_start`` over those that
    leave."""
    h, w = grid
    split = (h - 1) * w
    out = at_end.new_zeros(at_end.shape[0], h, w)
    out[:, 1:] += at_end[:, :split].view(-1, h - 1, w)
    out[:, :-1] += at_start[:, :split].view(-1, h - 1, w)
    out[:, :, 1:] += at_end[:, split:].view(-1, h, w - 1)
    out[:, :, :-1] += at_start[:, split:].view(-1, h, w - 1)
    return out


def _prox_unary(v: Tensor, problem: _Problem) -> Tensor:
    """argmin_u U(u) + (u - v)^2 / (2 step): one clamp per linear piece of U."""
    moved = torch.zeros_like(v)
    for k in range(problem.costs.levels - 1):
        piece = torch.addcmul(v, problem.primal_step, problem.slopes[..., k], value=-1)
        moved = moved + (piece - k if k else piece).clamp_(0, 1)
    return moved


def _prox_edges(z: Tensor, problem: _Problem) -> Tensor:
    """Proximal map of the conjugate edge cost, by Moreau's identity from that of the edge cost."""
    n = problem.costs.levels
    size = z.abs() / problem.dual_step
    relative = problem.weight / (problem.dual_step * (n - 1) ** 2)
    moved = torch.zeros_like(size)
    for k in range(n - 1):
        moved = moved + (size - (2 * k + 1) * relative - k).clamp_(0, 1)
    return z - problem.dual_step * moved * z.sign()


def _lower_bound(problem: _Problem, y: Tensor) -> Float[Tensor, " B"]:
    """The dual function, valid for any y."""
    n = problem.costs.levels
    labels = torch.arange(n, device=y.device, dtype=y.dtype)
    drift = _gathered(y, -y, problem.costs.grid)
    cells = (problem.costs.unary + drift[..., None] * labels).amin(-1).sum((1, 2))
    edges = y.abs()[..., None] * labels - problem.weight[..., None] * (labels / (n - 1)).square()
    return cells - edges.amax(-1).sum(1)


def _bracket(problem: _Problem, u: Tensor, y: Tensor, best: Bracket | None) -> Bracket:
    """Best labels and bound so far, with those of the present iterate."""
    lower = _lower_bound(problem, y)
    rounded = torch.stack([(u + threshold).floor().long() for threshold in THRESHOLDS])
    rounded = rounded.clamp_(max=problem.costs.levels - 1)
    energies = torch.stack([energy(problem.costs, labels) for labels in rounded])
    upper, which = energies.min(0)
    labels = rounded[which, torch.arange(len(which), device=u.device)]
    if best is None:
        return Bracket(labels, upper, lower)
    better = upper < best.upper
    return Bracket(
        torch.where(better[:, None, None], labels, best.labels),
        torch.where(better, upper, best.upper),
        torch.maximum(lower, best.lower),
    )
