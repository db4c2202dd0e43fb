"""The tilted measure: atoms, draws, and the laws for which the complement must not be forgotten."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mixlib.core.lam import Beta
from mixlib.methods.cutmix import Box
from mixlib.methods.fmix import FMix
from mixlib.methods.gmix import GMix
from mixlib.methods.hmix import HMix
from mixlib.methods.mixup import Flat
from mixlib.seed import generator
from theory.moments import exact_moments
from theory.moments.tilt import atoms, draw, one_sided, sampled

LAWS = [Flat(), Box(odd="drop"), Box(label="drawn"), HMix(0.5), GMix()]


@pytest.mark.parametrize("law", LAWS, ids=str)
@pytest.mark.parametrize("lam", [Beta(1.0), Beta(0.3, 1.7)], ids=str)
def test_atoms_have_the_exact_moments(law, lam):
    found, known = atoms(law, lam, (4, 4)), exact_moments(law, lam, (4, 4))
    assert found.prob.sum() == pytest.approx(1, abs=1e-12)
    torch.testing.assert_close(found.moments().a, known.a, atol=1e-11, rtol=0)
    torch.testing.assert_close(found.moments().A, known.A, atol=1e-11, rtol=0)


@pytest.mark.parametrize("alpha", [0.1, 0.2, 0.5, 1.5])
@pytest.mark.parametrize("ratio", [1.0, 0.25, 0.2501, 0.5])
def test_a_density_that_is_singular_beside_a_panel_loses_no_probability(alpha, ratio):
    """A whole side that lambda = 0 alone leaves makes a panel begin at 5e-17."""
    law, lam = HMix(ratio), Beta(alpha)
    found, known = atoms(law, lam, (8, 8)), exact_moments(law, lam, (8, 8))
    assert found.prob.sum() == pytest.approx(1, abs=1e-12)
    torch.testing.assert_close(found.moments().a, known.a, atol=1e-11, rtol=0)


@pytest.mark.parametrize("law", [*LAWS, FMix()], ids=str)
def test_draws_follow_the_tilted_measure(law):
    n = 40_000
    u = draw(law, Beta(1.0), (4, 4), n, generator(0, "draw")).flatten(1)
    many = sampled(law, Beta(1.0), (4, 4), n, generator(1, "draw")).moments()
    error = (u.std(0) / n**0.5) * 2**0.5
    assert ((u.mean(0) - many.a).abs() / error).max() < 5


def test_folding_changes_no_pair():
    law = atoms(Box(), Beta(1.0), (4, 4))
    folded = law.folded()
    assert folded.share.min() >= 0.5
    torch.testing.assert_close(folded.moments().A, law.moments().A)


def test_forgetting_the_complement_is_wrong_for_boxes_only():
    known = exact_moments(Flat(), Beta(1.0), (8, 8))
    torch.testing.assert_close(one_sided(Flat(), Beta(1.0), (8, 8)).A, known.A)
    box, lam = Box(odd="drop"), Beta(1.0)
    errors = []
    for n in (8, 16):
        known, half = exact_moments(box, lam, (n, n)).A, one_sided(box, lam, (n, n)).A
        errors.append(float((known - half).norm() / known.norm()))
        assert half[0, -1] < 1e-30
    np.testing.assert_allclose(errors, [0.69, 0.64], atol=0.01)
    assert exact_moments(box, lam, (8, 8)).A[0, -1] == pytest.approx(0.163, abs=1e-3)
    assert exact_moments(box, lam, (16, 16)).A[0, -1] == pytest.approx(0.194, abs=1e-3)
