"""Exact moments of HMix with a box that the border clips, as training draws it (Park, Yun and Chun,
NeurIPS 2022, section 4).

The filling lambda / (share outside the clipped box) is not linear in the clipped lengths, so
centers are grouped by them; the 1-D geometry is read off ``mixlib``'s own boxes.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mixlib.core.lam import LamLaw
from mixlib.masks.clipped_boxes import clipped
from mixlib.methods.hmix import HMix

from .exact import Moments, Share, exact_moments, label_rule, require_drawn
from .separable import Axis, Parts, Total
from .sides import sides_of
from .torus import hmix_on_torus


def axis_of(side: int, n: int, rows: Int[Tensor, " r"]) -> Axis:
    """One axis of a clipped box with a uniform integer center."""
    places = torch.arange(n)
    # a second axis of one cell and side 2 always covers that cell: what is left is one-dimensional
    boxes = clipped(
        torch.stack([places, torch.zeros_like(places)], dim=1),
        torch.tensor([[side, 2]]).expand(n, 2),
        (n, 1),
        "drop",
    )
    inside = boxes.inside()[:, :, 0].double()
    length, group = inside.sum(1).unique(return_inverse=True)
    member = torch.nn.functional.one_hot(group, len(length)).double().T / n
    two = torch.einsum("lc,cr,cn->lrn", member, inside[:, rows], inside)
    return Axis(length, member.sum(1), member @ inside, two)


def hmix_parts(mass: list[float], outside: Float[Tensor, "L M"]) -> Parts:
    """HMix, u = 1 - s (1 - B) with s = lambda / outside and w = lambda, drawn and realized alike:
    E~[u] = lambda + s - 2 lambda s + (2 lambda s - s) B, and with q = lambda s and s^2
    E~[u u'] = lambda - 2 q + s^2 + (q - s^2)(B + B') + s^2 B B'  (the lambda^3 terms cancel)."""
    # a box over everything leaves nothing to fill: mask 0, as mixlib's law has it
    inverse = torch.where(outside > 0, 1 / outside.clamp(min=1e-300), 0.0)
    s, q, square = mass[1] * inverse, mass[2] * inverse, mass[2] * inverse**2
    return Parts(mass[1] + s - 2 * q, 2 * q - s, mass[1] - 2 * q + square, q - square, square)


def clipped_hmix(
    law: HMix, lam: LamLaw, size: tuple[int, int], rows: Tensor | None, share: Share
) -> Moments:
    """Exact moments of HMix with a box that the border clips."""
    if label_rule(law, share) == "own":
        raise NotImplementedError("HMix mixes labels by lambda; share='own' has no exact form here")
    total = Total(size, rows)
    for sides, mass in sides_of(size, lam, law.ratio, "drop"):
        down, across = (axis_of(sides[k], size[k], total.at[k]) for k in (0, 1))
        outside = 1 - torch.outer(down.length, across.length) / (size[0] * size[1])
        total.add(hmix_parts(mass, outside), down, across)
    return total.moments()


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
    return clipped_hmix(law, lam, size, rows, share)
