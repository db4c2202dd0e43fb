"""Clipped CutMix in closed form: against enumeration in rational arithmetic, whole numbers and
fractions throughout, and against the masks of training."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
import torch

from mixlib.core.lam import Beta
from mixlib.methods.cutmix import Box
from mixlib.seed import generator
from theory.moments import center, exact_moments, monte_carlo_moments
from theory.moments.cutmix import interval, length_sums, mean_mask, reaches

SIZES = [(1, 1), (2, 2), (1, 5), (3, 4), (5, 5), (6, 3), (7, 9)]
ROUNDED = Fraction(1, 2**54)  # below it, 1 - lambda is 1 in double precision


def covered(side: int, n: int, odd: str) -> np.ndarray:
    """[center, pixel] of an interval, as the release writes it: whole numbers, no formula."""
    half = side // 2
    high = side - half if odd == "keep" else half
    inside = np.zeros((n, n), dtype=np.int64)
    for c in range(n):
        inside[c, max(c - half, 0) : min(c + high, n)] = 1
    return inside


@pytest.mark.parametrize("odd", ["keep", "drop"])
@pytest.mark.parametrize("n", [*range(1, 10), 16])
def test_every_interval(n, odd):
    """The 1-D factors, whole numbers, for every side."""
    for side in range(n + 1):
        inside = covered(side, n, odd)
        found, length = interval(side, n, odd), inside.sum(1)
        assert np.array_equal(found.pairs, inside.T @ inside)
        assert np.array_equal(found.single, inside.sum(0))
        assert np.array_equal(found.lengths, inside.T @ length)
        assert np.array_equal(found.lengths, found.pairs.sum(1))
        assert found.length == length.sum()


def test_length_sums_of_any_range():
    for side in (0, 1, 4, 5):
        low, high = reaches(side, "keep")
        for first in range(7):
            for last in range(first - 2, 7):
                known = sum(min(c + high, 7) - max(c - low, 0) for c in range(first, last + 1))
                ends = (np.array([first]), np.array([last]))
                assert length_sums(side, 7, "keep", *ends) == max(known, 0)


def cumulative(alpha: int, at: Fraction) -> Fraction:
    """P(lambda <= at) and E[lambda; lambda <= at] are polynomials for Beta(1, 1) and Beta(2, 2)."""
    return at if alpha == 1 else 3 * at**2 - 2 * at**3


def first_moment(alpha: int, at: Fraction) -> Fraction:
    return at**2 / 2 if alpha == 1 else 2 * at**3 - Fraction(3, 2) * at**4


def intervals(size, alpha):
    """(sides, P(sides), E[lambda; sides]) of every interval of lambda in which the sides are
    constant, in fractions."""
    edges = {Fraction(n * n - k * k, n * n) for n in size for k in range(1, n + 1)} - {Fraction(0)}
    knots = [Fraction(0), ROUNDED, *sorted(edges - {Fraction(0)}), Fraction(1)]
    for low, high in pairwise(knots):
        mass = cumulative(alpha, high) - cumulative(alpha, low)
        lam = first_moment(alpha, high) - first_moment(alpha, low)
        # the side is constant inside; below 2^-54 it is the whole image
        middle = Fraction(0) if high == ROUNDED else (low + high) / 2
        sides = [max(k for k in range(n + 1) if k * k <= n * n * (1 - middle)) for n in size]
        yield sides, mass, lam


def enumerated(size, odd, label, alpha):
    """(A, a, E[M]) in fractions: every interval of lambda, every center, every pair of pixels."""
    s = size[0] * size[1]
    second, first = np.full((s, s), Fraction(0)), np.full(s, Fraction(0))
    mean = np.full(s, Fraction(0))
    for sides, mass, lam in intervals(size, alpha):
        down, across = (covered(k, n, odd) for k, n in zip(sides, size, strict=True))
        boxes = np.einsum("ay,bx->abyx", down, across).reshape(s, s)  # [center, pixel]
        area = boxes.sum(1)
        # whole numbers: with w = 1 - area / s,  s (w B B' + (1 - w)(1 - B)(1 - B'))
        both = boxes[:, :, None] * boxes[:, None]
        neither = (1 - boxes)[:, :, None] * (1 - boxes)[:, None]
        if label == "realized":
            whole = ((s - area)[:, None, None] * both + area[:, None, None] * neither).sum(0)
            single = ((s - area)[:, None] * boxes + area[:, None] * (1 - boxes)).sum(0)
            second += mass * (whole.astype(object) * Fraction(1, s * s))
            first += mass * (single.astype(object) * Fraction(1, s * s))
        else:
            pair = both.sum(0).astype(object), neither.sum(0).astype(object)
            second += (lam * pair[0] + (mass - lam) * pair[1]) * Fraction(1, s)
            one = boxes.sum(0).astype(object)
            first += (lam * one + (mass - lam) * (s - one)) * Fraction(1, s)
        mean += mass * ((s - boxes.sum(0)).astype(object) * Fraction(1, s))
    return second, first, mean


def assembled(size, odd, label, alpha):
    """(A, a) in fractions from the closed form's whole-number factors."""
    s = size[0] * size[1]
    second, first = np.full((s, s), Fraction(0)), np.full(s, Fraction(0))
    for sides, mass, lam in intervals(size, alpha):
        y, x = (interval(k, n, odd) for k, n in zip(sides, size, strict=True))
        one = np.outer(y.single, x.single).ravel().astype(object) * Fraction(1, s)
        if label == "realized":
            lost = mass * np.outer(y.lengths, x.lengths).ravel().astype(object) / (s * s)
            total = mass * Fraction(y.length * x.length, s * s)
        else:
            lost, total = (mass - lam) * one, mass - lam
        both = np.kron(y.pairs, x.pairs).astype(object) * Fraction(1, s)
        second += mass * both + total - lost[:, None] - lost
        first += mass * one + total - 2 * lost
    return second, first


@pytest.mark.parametrize(
    ("size", "alpha"), [*((size, 1) for size in SIZES), ((4, 3), 2), ((5, 5), 2)], ids=str
)
@pytest.mark.parametrize("label", ["realized", "drawn"])
@pytest.mark.parametrize("odd", ["keep", "drop"])
def test_closed_form_against_enumeration(size, odd, label, alpha):
    law, lam = Box("clip", odd, label), Beta(float(alpha))
    second, first, mean = enumerated(size, odd, label, alpha)
    closed_second, closed_first = assembled(size, odd, label, alpha)
    assert np.array_equal(closed_second, second)
    assert np.array_equal(closed_first, first)
    found = exact_moments(law, lam, size)
    np.testing.assert_allclose(found.A, second.astype(float), atol=2e-15, rtol=1e-14)
    np.testing.assert_allclose(found.a, first.astype(float), atol=2e-15, rtol=1e-14)
    np.testing.assert_allclose(mean_mask(law, lam, size).ravel(), mean.astype(float), rtol=1e-14)


@pytest.mark.parametrize("alpha", [0.2, 0.5, 1.0, 2.0])
def test_closed_form_against_the_masks_of_training(alpha):
    """40,000 masks at 32 x 32, nine rows of A from the corner to the center, and the mean mask."""
    size, law, lam = (32, 32), Box(), Beta(alpha)
    rows = torch.tensor([0, 1, 31, 40, 200, center(size), 700, 992, 1023])
    measured = monte_carlo_moments(
        law, lam, size, 40_000, generator(11, "box", str(alpha)), rows=rows
    )
    known = exact_moments(law, lam, size, rows=rows)
    assert measured.largest_z(known) < 5
    assert float(((measured.a - known.a).abs() / measured.a_se).max()) < 5


def test_the_border_gives_the_corner_more_of_its_own_image():
    mean = mean_mask(Box(), Beta(1.0), (32, 32))
    assert min(mean[0, 0], mean[0, -1], mean[-1, 0], mean[-1, -1]) > 0.7 > mean[16, 16] > 0.5
    assert mean.max() in mean[[0, 0, -1, -1], [0, -1, 0, -1]]
    assert mean.mean() > 0.5


@pytest.mark.parametrize("method", ["cutmix", "hmix"])
def test_boxes_of_the_released_code(method, recorded):
    """Every recorded mask is zero (CutMix) or its filling (HMix) where the intervals say."""
    data = recorded("theory/official_masks")
    for k, row in enumerate(data[f"{method}/meta"]):
        n, lam, ratio = int(row[0]), row[1], 1.0 if method == "cutmix" else row[2]
        down, across = (int(v) for v in (row[2:4] if method == "cutmix" else row[3:5]))
        side = int(n * np.sqrt(1 - lam) * np.sqrt(ratio))
        inside = covered(side, n, "drop")
        box = np.outer(inside[down], inside[across]) == 1
        mask = data[f"{method}/mask_{k}"]
        assert (mask[box] == 0).all()
        assert (mask[~box] > 0).all() or lam == 0
        if method == "hmix" and box.any():
            edges = [
                *np.flatnonzero(inside[down])[[0, -1]],
                *np.flatnonzero(inside[across])[[0, -1]],
            ]
            assert [edges[0], edges[1] + 1, edges[2], edges[3] + 1] == row[7:].astype(int).tolist()
    assert not data.unread(f"{method}/")
