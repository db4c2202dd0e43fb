"""Exact moments of boxes and bells: how can a 224 x 224 coefficient map take a second?

Given its lambda interval, a box has fixed sides and independent row and column intervals; given
lambda, a bell is a product of a row and a column bump.  So every second moment is a short sum of
Kronecker products of 1-D second moments,
    A[(y,x),(y',x')] = sum_h sum_{l,m} C_h[l,m] P_hl[y,y'] Q_hm[x,x'],
where l, m are the clipped lengths, on which label and filling depend.  The 1-D geometry is read
off ``mixlib``'s own boxes and bells.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, final

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from mixlib.core.lam import LamLaw
from mixlib.masks.clipped_boxes import clipped
from mixlib.methods.cutmix import Box
from mixlib.methods.gmix import GMix, fall
from mixlib.methods.hmix import HMix
from theory.lam import nodes, partial_moment
from theory.moments import Moments, Share, exact, label_of, require_drawn
from theory.torus import box_on_torus, hmix_on_torus

Odd = Literal["keep", "drop"]
ROUNDED = (
    2.0**-54
)  # below this lambda, 1 - lambda is 1 in double precision: the side is the image's


@dataclass(frozen=True)
class Axis:
    """Clipped intervals of one axis, centers grouped by the length l that the border leaves.

    Attributes:
        length: float64 [L].
        one: [L, n], P(length l, pixel inside); zero: [L], P(length l).
        two: [L, r, n], P(length l, both pixels inside), rows r as asked for.
    """

    length: Float[Tensor, " L"]
    zero: Float[Tensor, " L"]
    one: Float[Tensor, "L n"]
    two: Float[Tensor, "L r n"]


class Parts(NamedTuple):
    """Coefficients by clipped lengths [L, M]: E~[u_j] = a0 + a1 B_j, and E~[u_j u_k] = c0 + c1 (B_j
    + B_k) + c2 B_j B_k."""

    a0: Float[Tensor, "L M"]
    a1: Float[Tensor, "L M"]
    c0: Float[Tensor, "L M"]
    c1: Float[Tensor, "L M"]
    c2: Float[Tensor, "L M"]


def axis_of(side: int, n: int, odd: Odd, rows: Int[Tensor, " r"]) -> Axis:
    """One axis of a clipped box with a uniform integer center."""
    places = torch.arange(n)
    # a second axis of one cell and side 2 always covers that cell: what is left is one-dimensional
    boxes = clipped(
        torch.stack([places, torch.zeros_like(places)], dim=1),
        torch.tensor([[side, 2]]).expand(n, 2),
        (n, 1),
        odd,
    )
    inside = boxes.inside()[:, :, 0].double()
    length, group = inside.sum(1).unique(return_inverse=True)
    member = torch.nn.functional.one_hot(group, len(length)).double().T / n
    two = torch.einsum("lc,cr,cn->lrn", member, inside[:, rows], inside)
    return Axis(length, member.sum(1), member @ inside, two)


def sides_of(
    size: tuple[int, int], lam: LamLaw, ratio: float, odd: Odd
) -> Iterator[tuple[tuple[int, int], list[float]]]:
    """Every pair of integer sides that int((h, w) sqrt(r (1 - lambda))) can take, with E[lambda^p;
    these sides] for p = 0, 1, 2.  Sides of the same reach are put together."""
    edges = [
        threshold(k, n, ratio) for n in size for k in range(1, n + 1) if k * k <= ratio * n * n
    ]
    knots = np.unique([-1.0, *edges, 1.0])
    middle = np.maximum(knots[:-1], 0) / 2 + knots[1:] / 2
    grouped: dict[tuple[int, int], np.ndarray] = {}
    masses = np.stack([partial_moment(lam, p, knots[:-1], knots[1:]) for p in range(3)], axis=1)
    for lam_in, mass in zip(middle, masses, strict=True):
        cut = ratio**0.5 * (1 - lam_in) ** 0.5
        height, width = (int(n * cut) for n in size)
        key = (height, width) if odd == "keep" else (height - height % 2, width - width % 2)
        grouped[key] = grouped.get(key, 0) + mass
    for sides, mass in grouped.items():
        if mass[0] > 0:
            yield sides, mass.tolist()


def threshold(side: int, n: int, ratio: float) -> float:
    """Largest lambda at which a box has this side."""
    edge = 1 - side * side / (ratio * n * n)
    return edge if edge > 1e-12 else ROUNDED


@final
class Total:
    """Adds up a and A: A_jk = constant + linear_j + linear_k + quadratic_jk, for all pixels j or
    for some rows."""

    def __init__(self, size: tuple[int, int], rows: Int[Tensor, " r"] | None) -> None:
        h, w = size
        self.size, self.rows = size, rows
        self.at = (torch.arange(h), torch.arange(w)) if rows is None else (rows // w, rows % w)
        self.a = torch.zeros(h * w, dtype=torch.float64)
        self.constant = 0.0
        self.linear = torch.zeros(h * w, dtype=torch.float64)
        count = h * w if rows is None else len(rows)
        self.quadratic = torch.zeros(count, h * w, dtype=torch.float64)

    def add(self, parts: Parts, down: Axis, across: Axis) -> None:
        """Adds one term for every pair of clipped lengths, see :class:`Parts`."""
        self.a += down.zero @ parts.a0 @ across.zero
        self.a += (down.one.T @ parts.a1 @ across.one).flatten()
        self.constant += (down.zero @ parts.c0 @ across.zero).item()
        self.linear += (down.one.T @ parts.c1 @ across.one).flatten()
        h, w = self.size
        if self.rows is None:
            mixed = down.two.flatten(1).T @ (parts.c2 @ across.two.flatten(1))  # [(y y'), (x x')]
            self.quadratic += mixed.view(h, h, w, w).permute(0, 2, 1, 3).reshape(h * w, h * w)
        else:
            right = torch.einsum("lm,mrx->rlx", parts.c2, across.two)
            self.quadratic += torch.einsum("lry,rlx->ryx", down.two, right).flatten(1)

    def moments(self) -> Moments:
        """What has been added up."""
        own = self.linear if self.rows is None else self.linear[self.rows]
        full = self.constant + own[:, None] + self.linear + self.quadratic
        return Moments(self.size, self.a, full, self.rows)


def box_parts(mass: list[float], kept: Float[Tensor, "L M"], rule: Share) -> Parts:
    """CutMix, u = B: E~[u] = w B + (1 - w)(1 - B) and E~[u u'] = w B B' + (1 - w)(1 - B)(1 - B').

    Args:
        mass: E[lambda^p; these sides], p = 0, 1, 2.
        kept: share of the image outside the box, by clipped lengths.
    """
    every = mass[0] * torch.ones_like(kept)
    if rule == "drawn":
        weight = mass[1] * torch.ones_like(kept)
    else:
        weight = every if rule == "own" else mass[0] * kept
    rest = every - weight
    return Parts(rest, weight - rest, rest, -rest, every)


def hmix_parts(mass: list[float], kept: Float[Tensor, "L M"], rule: Share) -> Parts:
    """HMix, u = 1 - s (1 - B) with s = lambda / kept and w = lambda, drawn and realized alike:
    E~[u] = lambda + s - 2 lambda s + (2 lambda s - s) B, and with q = lambda s and s^2
    E~[u u'] = lambda - 2 q + s^2 + (q - s^2)(B + B') + s^2 B B'  (the lambda^3 terms cancel)."""
    if rule == "own":
        raise NotImplementedError("HMix mixes labels by lambda; share='own' has no exact form here")
    # a box over everything leaves nothing to fill: mask 0, as mixlib's law has it
    inverse = torch.where(kept > 0, 1 / kept.clamp(min=1e-300), 0.0)
    s, q, square = mass[1] * inverse, mass[2] * inverse, mass[2] * inverse**2
    return Parts(mass[1] + s - 2 * q, 2 * q - s, mass[1] - 2 * q + square, q - square, square)


def clipped_moments(
    law: Box | HMix, lam: LamLaw, size: tuple[int, int], rows: Tensor | None, share: Share
) -> Moments:
    """Exact moments of a box that the border clips."""
    total, rule = Total(size, rows), label_of(law, share)
    ratio = law.ratio if isinstance(law, HMix) else 1.0
    odd: Odd = "drop" if isinstance(law, HMix) else law.odd
    parts = hmix_parts if isinstance(law, HMix) else box_parts
    for sides, mass in sides_of(size, lam, ratio, odd):
        down, across = (axis_of(sides[k], size[k], odd, total.at[k]) for k in (0, 1))
        kept = 1 - torch.outer(down.length, across.length) / (size[0] * size[1])
        total.add(parts(mass, kept, rule), down, across)
    return total.moments()


@exact.register
def _(
    law: Box,
    lam: LamLaw,
    size: tuple[int, int],
    rows: Int[Tensor, " r"] | None = None,
    share: Share = "law",
) -> Moments:
    if law.border == "wrap":
        return box_on_torus(law, lam, size, rows, label_of(law, share))
    return clipped_moments(law, lam, size, rows, share)


@exact.register
def _(
    law: HMix,
    lam: LamLaw,
    size: tuple[int, int],
    rows: Int[Tensor, " r"] | None = None,
    share: Share = "law",
) -> Moments:
    if law.border == "wrap":
        require_drawn(law, share)  # with the nominal filling the realized mean is not lambda
        return hmix_on_torus(law, lam, size, rows)
    return clipped_moments(law, lam, size, rows, share)


def bell_edges(area: int) -> NDArray:
    """Panels for a bell's share k = min(lambda, 1 - lambda): octaves from 1/2 down to where the
    bell has shrunk to its center pixel (exp(-pi / (k area)) < 1e-17)."""
    octaves = int(np.ceil(np.log2(0.5 * 39 * area / np.pi)))
    small = 0.5 * 0.5 ** np.arange(octaves + 1.0)
    return np.concatenate([small, 1 - small])


def bumps(share: Tensor, n: int, area: int, rows: Tensor) -> tuple[Tensor, Tensor, Axis]:
    """One axis of bells with uniform integer centers, one group per share.

    Returns:
        [L] mean over centers of the mean bump, [L, n] the same times the bump, and the moments of
        the bump itself.
    """
    count = len(share)
    bump = fall(torch.arange(n).repeat(count), share.repeat_interleave(n), n, area).view(
        count, n, n
    )
    mean = bump.mean(2)
    two = torch.einsum("lcr,lcn->lrn", bump[:, :, rows], bump) / n
    weighted = torch.einsum("lc,lcn->ln", mean, bump) / n
    return mean.mean(1), weighted, Axis(mean.mean(1), torch.ones(count).double(), bump.mean(1), two)


@exact.register
def _(
    law: GMix,
    lam: LamLaw,
    size: tuple[int, int],
    rows: Int[Tensor, " r"] | None = None,
    share: Share = "law",
) -> Moments:
    # both M = G, w = g and M = 1 - G, w = 1 - g give g (1 - G)(1 - G') + (1 - g) G G'
    if label_of(law, share) != "realized":
        raise NotImplementedError("GMix: exact only with the realized mean as label")
    if size[0] != size[1] and law.nonsquare == "error":
        raise ValueError(f"GMix is defined for square images, got {size[0]} x {size[1]}")
    total, area = Total(size, rows), size[0] * size[1]
    points, weights = nodes(lam, bell_edges(area), order=16)
    rarer = torch.from_numpy(np.minimum(points, 1 - points))
    for k, c in zip(rarer.split(32), torch.from_numpy(weights).split(32), strict=True):
        g_down, gy, down = bumps(k, size[0], area, total.at[0])
        g_across, gx, across = bumps(k, size[1], area, total.at[1])
        diagonal, none = torch.diag(c), torch.zeros(len(c), len(c), dtype=torch.float64)
        total.add(Parts(none, diagonal, none, none, diagonal), down, across)
        mean, tied = (c * g_down * g_across).sum(), ((c[:, None] * gy).T @ gx).flatten()
        total.a += mean - 2 * tied
        total.constant += mean.item()
        total.linear -= tied
    return total.moments()
