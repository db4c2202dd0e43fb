"""Coefficients by distance, by displacement and as a spectrum."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mixlib.core.lam import Beta
from mixlib.methods.cutmix import Box
from mixlib.methods.hmix import HMix
from mixlib.methods.mixup import Flat
from theory.moments import center, exact_moments
from theory.moments.profiles import by_distance, by_lag, effective_dimension, spectrum


def test_profiles_of_a_law_on_the_torus():
    size = (8, 8)
    found = exact_moments(Box("wrap", label="drawn"), Beta(1.0), size)
    distance, value = by_distance(found, center(size))
    assert distance[0] == 0
    assert value[0] == pytest.approx(1 / 3)
    assert (value.diff()[:3] < 0).all()
    flat_distance, flat = by_distance(exact_moments(Flat(), Beta(1.0), size), 0, bins=4)
    torch.testing.assert_close(flat, torch.full_like(flat_distance, 1 / 6))
    lag = by_lag(found)
    assert lag[7, 7] == pytest.approx(1 / 3)
    torch.testing.assert_close(lag, lag.flip(0, 1))
    power = spectrum(found.A, size)
    assert power.sum() == pytest.approx(1 / 3)  # Parseval: the variance
    assert power.min() > 0


def test_spectra_of_the_unit_torus():
    # on a fine grid the sinc^2 sums of the facts: CutMix .0176, .00585 at k = (1,0), (2,0)
    size = (32, 32)
    power = spectrum(exact_moments(Box("wrap", label="drawn"), Beta(1.0), size).A, size)
    np.testing.assert_allclose(power[[1, 2], 0], [0.0176, 0.00585], rtol=0.03)
    hybrid = spectrum(exact_moments(HMix(0.5, "wrap"), Beta(1.0), size).A, size)
    np.testing.assert_allclose(hybrid[[1, 2], 0], [0.00605, 0.00059], rtol=0.03)


def test_effective_dimension_of_no_penalty_structure():
    assert effective_dimension(0.5 * torch.eye(3).double(), torch.eye(3).double()) == 6
