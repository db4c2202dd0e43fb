"""Closed forms of the moments of CutMix and HMix on the torus, where no border clips the box.

On a torus E[M | lambda] = lambda, and the key identity A = c2 11^T + E Cov(M | lambda) holds; the
covariance depends on the displacement alone.  A box of relative side q covers two pixels at the
relative distance t (along one axis) with probability tau(q, t).  The random rounding of
``Box("wrap")`` and ``HMix(border="wrap")`` makes the grid's moments equal to these at grid lags:
tau is linear in q between the grid's points.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from mixlib.core.lam import LamLaw
from mixlib.methods.cutmix import Box
from mixlib.methods.hmix import HMix

from .exact import Moments, Share
from .lam import mixup_coefficient, nodes


def tau(q: NDArray, t: NDArray) -> NDArray:
    """P(an arc of length q at a uniform place of the unit circle covers two points t apart),
    broadcasting; t in [0, 1/2]."""
    return np.maximum(q - t, 0) + np.maximum(q - (1 - t), 0)


def kinks(distances: NDArray, ratio: float) -> NDArray:
    """The lambdas at which tau(sqrt(r (1 - lambda)), t) has a kink."""
    q = np.unique(np.concatenate([distances.ravel(), 1 - distances.ravel()]))
    q = q[(q > 0) & (q * q < ratio)]
    return 1 - q * q / ratio


def box_covariance(
    lam: LamLaw, ratio: float, down: NDArray, across: NDArray
) -> Float[NDArray, "n"]:
    """E[(lambda / (1 - p))^2 (tau tau - p^2)], p = r (1 - lambda): what HMix adds to Mixup's A;
    r = 1 is CutMix.

    Args:
        down, across: relative distances [n] along the axes, in [0, 1/2].
    """
    if ratio == 0:
        return np.zeros_like(down)
    points, weights = nodes(lam, kinks(np.concatenate([down, across]), ratio), order=40)
    p = ratio * (1 - points)
    q = np.sqrt(p)[:, None]
    # at r = 1 the filling is 1 identically, also where both sides of the division vanish
    filling = np.ones_like(p) if ratio == 1 else points / (1 - p)
    both = tau(q, down) * tau(q, across) - p[:, None] ** 2
    return (weights * filling**2) @ both


def lags(n: int) -> NDArray:
    """Relative distances of pixel 0 to every pixel of a circle of n, in [0, 1/2]."""
    steps = np.arange(n)
    return np.minimum(steps, n - steps) / n


def circulant(lag: Tensor, size: tuple[int, int], rows: Tensor | None) -> Float[Tensor, "r s"]:
    """Rows of the matrix whose entries depend on the displacement on the torus."""
    h, w = size
    index = torch.arange(h * w)
    j = index if rows is None else rows
    down = (index // w - (j // w)[:, None]) % h
    across = (index % w - (j % w)[:, None]) % w
    return lag.view(h, w)[down, across]


def stationary(size: tuple[int, int], rows: Tensor | None, a: float, lag: NDArray) -> Moments:
    """Moments of a law on the torus: the same a everywhere, A by displacement."""
    first = torch.full((size[0] * size[1],), a, dtype=torch.float64)
    return Moments(size, first, circulant(torch.from_numpy(lag), size, rows), rows)


def grid_lags(size: tuple[int, int]) -> tuple[NDArray, NDArray]:
    """Relative distances down and across of every pixel to pixel 0, row-major."""
    down, across = (lags(n) for n in size)
    return np.repeat(down, size[1]), np.tile(across, size[0])


def hmix_on_torus(law: HMix, lam: LamLaw, size: tuple[int, int], rows: Tensor | None) -> Moments:
    """Exact moments of ``HMix(r, "wrap")``: label lambda."""
    c2 = mixup_coefficient(lam)
    lag = c2 + box_covariance(lam, law.ratio, *grid_lags(size))
    return stationary(size, rows, 2 * c2, lag)


def box_on_torus(
    law: Box, lam: LamLaw, size: tuple[int, int], rows: Tensor | None, rule: Share
) -> Moments:
    """Exact moments of ``Box("wrap")`` with the drawn or the realized label."""
    if rule == "own":
        raise NotImplementedError("the torus box has no exact form with share='own'")
    c2 = mixup_coefficient(lam)
    down, across = grid_lags(size)
    drawn = c2 + box_covariance(lam, 1.0, down, across)
    if rule == "drawn":
        return stationary(size, rows, 2 * c2, drawn)
    # w = 1 - p with p the realized share: E~[u u'] = E[p] - 2 E[p^2] + E[B B'], and the random
    # rounding makes E[p^2] larger than E[(1 - lambda)^2]
    excess = _rounding_variance(lam, size)
    return stationary(size, rows, 2 * (c2 - excess), drawn - 2 * excess)


def _rounding_variance(lam: LamLaw, size: tuple[int, int]) -> float:
    """E[p^2] - E[(1 - lambda)^2] for p = (rounded height)(rounded width) / (h w)."""
    edges = np.concatenate([1 - (np.arange(1, n) / n) ** 2 for n in size])
    points, weights = nodes(lam, edges, order=40)
    squares = []
    for n in size:
        side = n * np.sqrt(1 - points)
        part = side - np.floor(side)
        squares.append((side**2 + part * (1 - part)) / n**2)
    return float(weights @ (squares[0] * squares[1] - (1 - points) ** 2))


def cutmix_polynomial(t1: NDArray, t2: NDArray) -> NDArray:
    """A of CutMix on the torus for lambda uniform and t1 >= t2, in closed form (proved in
    :mod:`theory.proofs`)."""
    cubic = -2 * t1**3 - 3 * t2**3 - 3 * t1**2 * t2
    square = 3 * t1**2 + 3 * t2**2 + 3 * t1 * t2
    return (1 - 2 * t1 - 2 * t2 + square + cubic + t1**4 + t2**4) / 3
