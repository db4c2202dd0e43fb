"""The generalization bound: assumptions, and its mask-dependent dimension."""

from __future__ import annotations

import pytest
import torch

from mixlib.core.lam import Beta
from mixlib.masks.designed import Mixture
from mixlib.methods.cutmix import Box
from mixlib.methods.gridmix import CoinCells
from mixlib.methods.hmix import HMix
from mixlib.methods.mixup import Flat
from theory.generalization import generalization
from theory.moments.lam import mixup_coefficient

FAIR = [
    Flat(),
    Box("wrap", label="drawn"),
    HMix(0.5, "wrap"),
    CoinCells((2, 2)),
    Mixture((Flat(), Box("wrap", label="drawn")), (0.5, 0.5)),
]


@pytest.mark.parametrize("law", FAIR, ids=str)
def test_generalization_bound(law):
    rng = torch.Generator().manual_seed(2)
    x = torch.randn(100, 2, 4, 4, generator=rng, dtype=torch.float64).cumsum(3)
    c2 = mixup_coefficient(Beta(1.0))
    found = generalization(x, law, Beta(1.0), gamma=0.1)
    assert found.kappa >= c2 - 1e-12
    assert found.dimension <= 32 / c2 + 1e-6
    if law == Flat():
        assert found.dimension == pytest.approx(32 / c2)
        assert found.refined == pytest.approx(found.rademacher)
    else:
        assert found.dimension < 0.9 * 32 / c2
    with pytest.raises(ValueError, match="positive"):
        generalization(x, law, Beta(1.0), gamma=0.0)
