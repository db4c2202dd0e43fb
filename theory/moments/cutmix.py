"""Closed form of the moments of CutMix as training draws it, with a box that the border clips (Yun
et al., ICCV 2019; Park, Yun and Chun, NeurIPS 2022, assume E[M | lambda] = lambda, which the border
violates), exact for any h x w.

B_j says whether pixel j lies in the box, p is the share of the image that the clipped box covers.
With the label share w = 1 - p,
    a_j  = E[B_j] + E[p] - 2 E[p B_j],
    A_jk = E[B_j B_k] + E[p] - E[p B_j] - E[p B_k].
Given its sides the box is a product of two independent intervals, so every expectation is a product
of two 1-D factors; an interval [c - low, c + high) around a uniform center c in {0 .. n - 1} covers
both s and t for
    N(s, t) = max(0, min(n - 1, min(s, t) + low) - max(0, max(s, t) - high + 1) + 1)
centers, and the clipped lengths of the intervals that cover s add up to
    S(s) = sum over t of N(s, t),
a quadratic in s that :func:`length_sums` writes out (derived in :mod:`theory.proofs`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Int
from numpy.typing import NDArray
from torch import Tensor

from mixlib.core.lam import LamLaw
from mixlib.methods.cutmix import Box

from .exact import Moments, Share, exact_moments, label_rule
from .sides import Odd, sides_of
from .torus import box_on_torus


class Interval(NamedTuple):
    """Whole-number factors of one axis of n pixels; divided by n they are expectations.

    Attributes:
        pairs: int64 [r, n], centers whose interval covers both pixels: n E[B_s B_t].
        single: int64 [n], centers whose interval covers the pixel: n E[B_s].
        lengths: int64 [n], clipped lengths over those centers: n E[length B_s].
        length: clipped lengths over all centers: n E[length].
    """

    pairs: NDArray[np.int64]
    single: NDArray[np.int64]
    lengths: NDArray[np.int64]
    length: int


def reaches(side: int, odd: Odd) -> tuple[int, int]:
    """How far a box of this side reaches below and above its center, see
    :func:`mixlib.masks.clipped_boxes.clipped`."""
    half = side // 2
    return half, side - half if odd == "keep" else half


def covering_centers(side: int, n: int, odd: Odd, s: NDArray, t: NDArray) -> NDArray[np.int64]:
    """N(s, t): centers whose interval covers both pixels, elementwise."""
    low, high = reaches(side, odd)
    last = np.minimum(n - 1, np.minimum(s, t) + low)
    first = np.maximum(0, np.maximum(s, t) - high + 1)
    return np.maximum(0, last - first + 1)


def _triangle(k: NDArray) -> NDArray[np.int64]:
    """1 + 2 + ... + k, 0 for k < 0."""
    k = np.maximum(k, 0)
    return k * (k + 1) // 2


def length_sums(side: int, n: int, odd: Odd, first: NDArray, last: NDArray) -> NDArray[np.int64]:
    """Sum of the clipped lengths min(c + high, n) - max(c - low, 0) over the centers first .. last.

    The unclipped ends add up to a triangular sum; each border takes away one more.
    """
    low, high = reaches(side, odd)
    count = np.maximum(0, last - first + 1)
    ends = count * (first + last) // 2 + high * count
    beyond = _triangle(last + high - n) - _triangle(first - 1 + high - n)
    starts = _triangle(last - low) - _triangle(first - 1 - low)
    return np.where(count > 0, ends - beyond - starts, 0)


def interval(side: int, n: int, odd: Odd, rows: NDArray | None = None) -> Interval:
    """The 1-D factors of an interval of this side before clipping.

    Args:
        rows: only these pixels s of ``pairs``; all by default.
    """
    low, high = reaches(side, odd)
    place = np.arange(n)
    s = place if rows is None else rows
    first, last = np.maximum(0, place - high + 1), np.minimum(n - 1, place + low)
    ends = (np.array([0]), np.array([n - 1]))
    return Interval(
        covering_centers(side, n, odd, s[:, None], place),
        covering_centers(side, n, odd, place, place),
        length_sums(side, n, odd, first, last),
        int(length_sums(side, n, odd, *ends)[0]),
    )


def clipped_cutmix(
    law: Box, lam: LamLaw, size: tuple[int, int], rows: Int[Tensor, " r"] | None, rule: Share
) -> Moments:
    """a and A in closed form; one product of 1-D factors per pair of sides.

    With the drawn lambda as label, p is replaced by 1 - lambda, independent of the center; with the
    whole label to the own image, by 0.
    """
    h, w = size
    area = h * w
    at = (None, None) if rows is None else (rows.numpy() // w, rows.numpy() % w)
    covered, lost, total = np.zeros(area), np.zeros(area), 0.0
    down, across = [], []
    for sides, mass in sides_of(size, lam, 1.0, law.odd):
        y, x = (interval(sides[k], size[k], law.odd, at[k]) for k in (0, 1))
        single = mass[0] * np.outer(y.single, x.single).ravel() / area
        if rule == "realized":
            lost += mass[0] * np.outer(y.lengths, x.lengths).ravel() / area**2
            total += mass[0] * y.length * x.length / area**2
        elif rule == "drawn":
            lost += (1 - mass[1] / mass[0]) * single
            total += mass[0] - mass[1]
        covered += single
        down.append(mass[0] / area * y.pairs)
        across.append(x.pairs)
    if rows is None:
        both = np.einsum("kab,kcd->acbd", down, across, optimize=True).reshape(area, area)
    else:
        both = np.einsum("kra,krb->rab", down, across, optimize=True).reshape(len(rows), area)
    own = lost if rows is None else lost[rows.numpy()]
    second = both + total - own[:, None] - lost
    first = covered + total - 2 * lost
    return Moments(size, torch.from_numpy(first), torch.from_numpy(second), rows)


def mean_mask(law: Box, lam: LamLaw, size: tuple[int, int]) -> NDArray[np.float64]:
    """E[M_j] of the clipped box, [h, w].  The theorem asks for E[lambda] everywhere; the border
    gives more than that to the corners, and on average.

    Example:
        >>> from mixlib.core.lam import Beta
        >>> mean = mean_mask(Box(), Beta(1.0), (32, 32))
        >>> bool(mean[0, 0] > mean[16, 16] > 0.5)
        True
    """
    inside = np.zeros(size)
    for (down, across), mass in sides_of(size, lam, 1.0, law.odd):
        y, x = interval(down, size[0], law.odd), interval(across, size[1], law.odd)
        inside += mass[0] * np.outer(y.single, x.single) / (size[0] * size[1])
    return 1 - inside


@exact_moments.register
def _(
    law: Box,
    lam: LamLaw,
    size: tuple[int, int],
    rows: Int[Tensor, " r"] | None = None,
    share: Share = "law",
) -> Moments:
    rule = label_rule(law, share)
    if law.border == "wrap":
        return box_on_torus(law, lam, size, rows, rule)
    return clipped_cutmix(law, lam, size, rows, rule)
