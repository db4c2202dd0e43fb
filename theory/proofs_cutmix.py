"""Symbolic derivation of the 1-D factor of clipped CutMix (Yun et al., ICCV 2019, as training draws
it): the sums over centers of :mod:`theory.moments.cutmix`, border by border.

An interval around the center c covers c - low .. c + high - 1, cut to 0 .. n - 1, so its clipped
length is min(c + high, n) - max(c - low, 0).  A pixel s is covered by the centers
    max(0, s - high + 1) <= c <= min(n - 1, s + low).
Which branch of each minimum and maximum is taken depends on how near the borders are: the sum of
the lengths over those centers is found by SymPy in every case, and compared with the closed form.
"""

from __future__ import annotations

import sympy as sp

n, s, t, c, low, high = sp.symbols("n s t c low high", integer=True, positive=True)


def _triangle(k: sp.Expr, positive: bool) -> sp.Expr:
    """1 + ... + k, 0 where k <= 0: the case says which."""
    return k * (k + 1) / 2 if positive else sp.Integer(0)


def _closed_form(
    first: sp.Expr, last: sp.Expr, upper: tuple[bool, bool], lower: tuple[bool, bool]
) -> sp.Expr:
    """The sum of the clipped lengths over first .. last as
    :func:`theory.moments.cutmix.length_sums` writes it; ``upper`` and ``lower`` say
    which of the four triangles are not empty."""
    count = last - first + 1
    ends = count * (first + last) / 2 + high * count
    beyond = _triangle(last + high - n, upper[0]) - _triangle(first - 1 + high - n, upper[1])
    starts = _triangle(last - low, lower[0]) - _triangle(first - 1 - low, lower[1])
    return ends - beyond - starts


def _lengths(first: sp.Expr, last: sp.Expr, clipped_low: sp.Expr, clipped_high: sp.Expr) -> sp.Expr:
    """Sum over first .. last of the clipped length, where the centers below ``clipped_low`` reach
    beyond the low border and those from ``clipped_high`` on beyond the high one.

    The unclipped length is low + high; a center c < low loses low - c, one with c + high > n loses
    c + high - n.
    """
    total = sp.summation(low + high, (c, first, last))
    total -= sp.summation(low - c, (c, first, clipped_low - 1))
    return total - sp.summation(c + high - n, (c, clipped_high, last))


def interior() -> sp.Expr:
    """No border within reach: (low + high)^2."""
    first, last = s - high + 1, s + low
    found = _lengths(first, last, first, last + 1)
    claim = _closed_form(first, last, (False, False), (True, True))
    return sp.Abs(sp.expand(found - claim)) + sp.Abs(sp.expand(found - (low + high) ** 2))


def near_the_low_border() -> sp.Expr:
    """The first centers are cut below: s - high + 1 < low, all of them at or above 0."""
    first, last = s - high + 1, s + low
    found = _lengths(first, last, low, last + 1)
    # s >= high - 1, so the last center is at or beyond low
    return sp.expand(found - _closed_form(first, last, (False, False), (True, False)))


def at_the_low_border() -> sp.Expr:
    """Some covering centers would lie outside the image: s < high, the sum starts at 0."""
    first, last = sp.Integer(0), s + low
    found = _lengths(first, last, low, last + 1)
    return sp.expand(found - _closed_form(first, last, (False, False), (True, False)))


def at_the_high_border() -> sp.Expr:
    """The mirror case: s + low > n - 1, the sum ends at n - 1."""
    first, last = s - high + 1, n - 1
    found = _lengths(first, last, first, n - high + 1)
    return sp.expand(found - _closed_form(first, last, (True, False), (True, True)))


def at_both_borders() -> sp.Expr:
    """A box that always reaches over one of the borders."""
    first, last = sp.Integer(0), n - 1
    found = _lengths(first, last, low, n - high + 1)
    return sp.expand(found - _closed_form(first, last, (True, False), (True, False)))


def pairs_add_up_to_lengths() -> sp.Expr:
    """In the interior, sum over t of N(s, t) = (low + high)^2: N = low + high - |s - t| there."""
    reach = low + high
    once = sp.summation(reach - t, (t, 1, reach - 1))
    return sp.expand(reach + 2 * once - reach**2)


def two_dimensional() -> sp.Expr:
    """w B B' + (1 - w)(1 - B)(1 - B') = B B' + p (1 - B - B') with w = 1 - p, and with p a product
    of two lengths every expectation given the sides is a product of two 1-D factors."""
    p, box, other = sp.symbols("p B B2")
    tilted = (1 - p) * box * other + p * (1 - box) * (1 - other)
    first = (1 - p) * box + p * (1 - box)
    return sp.Abs(sp.expand(tilted - box * other - p * (1 - box - other))) + sp.Abs(
        sp.expand(first - box - p + 2 * p * box)
    )


CUTMIX_STATEMENTS = {
    "clipped CutMix, no border within reach": interior,
    "clipped CutMix, near the low border": near_the_low_border,
    "clipped CutMix, at the low border": at_the_low_border,
    "clipped CutMix, at the high border": at_the_high_border,
    "clipped CutMix, at both borders": at_both_borders,
    "clipped CutMix, pairs add up to lengths": pairs_add_up_to_lengths,
    "clipped CutMix, A from 1-D factors": two_dimensional,
}
