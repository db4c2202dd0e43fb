"""Exact moments of boxes that the border clips: CutMix (Yun et al., ICCV 2019) and HMix (Park, Yun
and Chun, NeurIPS 2022, section 4) as training draws them.

The 1-D geometry is read off ``mixlib``'s own boxes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from mixlib.core.lam import LamLaw
from mixlib.masks.clipped_boxes import clipped
from mixlib.methods.cutmix import Box
from mixlib.methods.hmix import HMix
from theory.moments.exact import Moments, Share, exact_moments, label_rule, require_drawn
from theory.moments.lam import partial_moment
from theory.moments.separable import Axis, Parts, Total
from theory.moments.torus import box_on_torus, hmix_on_torus

Odd = Literal["keep", "drop"]


ROUNDED = (
    2.0**-54
)  # below this lambda, 1 - lambda is 1 in double precision: the side is the image's


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


def box_parts(mass: list[float], outside: Float[Tensor, "L M"], rule: Share) -> Parts:
    """CutMix, u = B: E~[u] = w B + (1 - w)(1 - B) and E~[u u'] = w B B' + (1 - w)(1 - B)(1 - B').

    Args:
        mass: E[lambda^p; these sides], p = 0, 1, 2.
        outside: share of the image outside the box, by clipped lengths.
    """
    every = mass[0] * torch.ones_like(outside)
    if rule == "drawn":
        weight = mass[1] * torch.ones_like(outside)
    else:
        weight = every if rule == "own" else mass[0] * outside
    rest = every - weight
    return Parts(rest, weight - rest, rest, -rest, every)


def hmix_parts(mass: list[float], outside: Float[Tensor, "L M"], rule: Share) -> Parts:
    """HMix, u = 1 - s (1 - B) with s = lambda / outside and w = lambda, drawn and realized alike:
    E~[u] = lambda + s - 2 lambda s + (2 lambda s - s) B, and with q = lambda s and s^2
    E~[u u'] = lambda - 2 q + s^2 + (q - s^2)(B + B') + s^2 B B'  (the lambda^3 terms cancel)."""
    if rule == "own":
        raise NotImplementedError("HMix mixes labels by lambda; share='own' has no exact form here")
    # a box over everything leaves nothing to fill: mask 0, as mixlib's law has it
    inverse = torch.where(outside > 0, 1 / outside.clamp(min=1e-300), 0.0)
    s, q, square = mass[1] * inverse, mass[2] * inverse, mass[2] * inverse**2
    return Parts(mass[1] + s - 2 * q, 2 * q - s, mass[1] - 2 * q + square, q - square, square)


def clipped_moments(
    law: Box | HMix, lam: LamLaw, size: tuple[int, int], rows: Tensor | None, share: Share
) -> Moments:
    """Exact moments of a box that the border clips."""
    total, rule = Total(size, rows), label_rule(law, share)
    ratio = law.ratio if isinstance(law, HMix) else 1.0
    odd: Odd = "drop" if isinstance(law, HMix) else law.odd
    parts = hmix_parts if isinstance(law, HMix) else box_parts
    for sides, mass in sides_of(size, lam, ratio, odd):
        down, across = (axis_of(sides[k], size[k], odd, total.at[k]) for k in (0, 1))
        outside = 1 - torch.outer(down.length, across.length) / (size[0] * size[1])
        total.add(parts(mass, outside, rule), down, across)
    return total.moments()


@exact_moments.register
def _(
    law: Box,
    lam: LamLaw,
    size: tuple[int, int],
    rows: Int[Tensor, " r"] | None = None,
    share: Share = "law",
) -> Moments:
    if law.border == "wrap":
        return box_on_torus(law, lam, size, rows, label_rule(law, share))
    return clipped_moments(law, lam, size, rows, share)


@exact_moments.register
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
