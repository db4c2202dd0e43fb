"""First layer, adversarial and generalization bounds, gradient products, profiles."""

from __future__ import annotations

import pytest
import torch

from mixlib.core.lam import Beta
from mixlib.masks.designed import Mixture
from mixlib.methods.cutmix import Box
from mixlib.methods.gridmix import CoinCells
from mixlib.methods.hmix import HMix
from mixlib.methods.mixup import Flat
from theory.robustness import adversarial

FAIR = [
    Flat(),
    Box("wrap", label="drawn"),
    HMix(0.5, "wrap"),
    CoinCells((2, 2)),
    Mixture((Flat(), Box("wrap", label="drawn")), (0.5, 0.5)),
]


def separable(m: int = 40, size: int = 4):
    rng = torch.Generator().manual_seed(1)
    theta = torch.randn(size**2, generator=rng, dtype=torch.float64)
    x = torch.randn(m // 2, size**2, generator=rng, dtype=torch.float64)
    x = torch.cat([x, -x])  # centered, and no point on the boundary
    y = (x @ theta > 0).double()[:, None]
    return theta, x.view(-1, 1, size, size), y


@pytest.mark.parametrize("law", FAIR, ids=str)
@pytest.mark.parametrize("scale", [0.2, 1.0, 3.0])
def test_adversarial_bound(law, scale):
    theta, x, y = separable()

    def model(images):
        return scale * (images.flatten(1) @ theta)[:, None]

    found = adversarial(model, x, y, law, Beta(1.0))
    assert found.mixed >= found.surrogate
    assert found.attacked > 0
    norm = x.flatten(1).norm(dim=1)
    assert (found.radius <= 1 / 3 * norm + 1e-12).all()  # c1 = 1/3 for a uniform lambda


def test_adversarial_bound_names_what_fails():
    theta, x, y = separable()

    def model(images):
        return (images.flatten(1) @ theta)[:, None]

    with pytest.raises(ValueError, match="correctly"):
        adversarial(model, x, 1 - y, Flat(), Beta(1.0))
    with pytest.raises(ValueError, match="centered"):
        adversarial(model, x + 1, y, Flat(), Beta(1.0))
    with pytest.raises(ValueError, match="grad f"):
        adversarial(lambda z: torch.tanh(model(z)), x, y, Flat(), Beta(1.0))
    with pytest.raises(ValueError, match="assumption"):
        adversarial(model, x, y, Box(), Beta(1.0))
