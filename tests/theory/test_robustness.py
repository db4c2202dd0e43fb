"""First layer, adversarial and generalization bounds, gradient products, profiles."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from mixlib.core.lam import Beta
from mixlib.masks.designed import Mixture
from mixlib.methods.cutmix import Box
from mixlib.methods.gmix import GMix
from mixlib.methods.gridmix import CoinCells
from mixlib.methods.hmix import HMix
from mixlib.methods.mixup import Flat
from theory.expansion.terms import swapped
from theory.moments import exact_moments
from theory.robustness import adversarial, attack, gradient_terms

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


TRAINED = [Box(), Box(odd="drop", label="drawn"), HMix(0.5), GMix(), CoinCells((3, 3), "realized")]


@pytest.mark.parametrize("law", [*FAIR, *TRAINED], ids=str)
@pytest.mark.parametrize("scale", [0.2, 1.0, 3.0])
def test_adversarial_bound(law, scale):
    """Also for laws with E[M | lambda] != lambda, as they are trained with."""
    theta, x, y = separable()

    def model(images):
        return scale * (images.flatten(1) @ theta)[:, None]

    found = adversarial(model, x, y, law, Beta(1.0))
    assert found.mixed >= found.surrogate
    # gradient ascent finds the exact worst case of a linear model
    push = found.radius.clamp(min=0) * scale * theta.norm()
    exact = F.softplus(-model(x)[:, 0].abs() + push).mean()
    assert found.attacked == pytest.approx(float(exact), rel=1e-6)
    norm = x.flatten(1).norm(dim=1)
    if law in FAIR:
        assert (found.radius <= 1 / 3 * norm + 1e-12).all()  # c1 = 1/3 for a uniform lambda
        assert found.opposed == 0
        assert found.border_term == pytest.approx(0, abs=1e-12)
    elif law != HMix(0.5):
        assert abs(found.border_term) > 1e-6


@pytest.mark.parametrize("law", [Box(), HMix(0.5), GMix(), Flat()], ids=str)
def test_adversarial_bound_of_a_bias_free_relu_network(law):
    _, x, y = separable()
    rng = torch.Generator().manual_seed(5)
    first = torch.randn(16, 32, generator=rng, dtype=torch.float64)
    theta = torch.randn(32, generator=rng, dtype=torch.float64)

    def model(images):
        return (torch.relu(images.flatten(1) @ first) @ theta)[:, None]

    y = (model(x) > 0).double()
    found = adversarial(model, x, y, law, Beta(0.5))
    assert found.mixed >= found.surrogate
    assert found.attacked >= found.plain


def test_attacks_grow_with_radius_and_steps():
    theta, x, y = separable()

    def model(images):
        return torch.tanh(images.flatten(1) @ theta)[:, None] * 2

    ones = torch.ones(len(x), dtype=torch.float64)
    losses = [float(attack(model, x, y, r * ones, "logistic").mean()) for r in (0.0, 0.2, 0.5)]
    assert losses == sorted(losses)
    assert losses[0] == pytest.approx(float((F.softplus(model(x)) - y * model(x)).mean()))
    single = attack(model, x, y, 0.5 * ones, "logistic", steps=1)
    assert float(single.mean()) <= losses[2] + 1e-9


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


@pytest.mark.parametrize("law", [Flat(), Box()], ids=str)
def test_gradient_terms_are_those_of_the_expansion(law):
    _, x, y = separable(12)
    rng = torch.Generator().manual_seed(7)
    first, last = (
        torch.randn(shape, generator=rng, dtype=torch.float64) for shape in ((16, 5), (5, 1))
    )

    def model(images):
        return torch.tanh(0.2 * images.flatten(1) @ first) @ last

    moments = exact_moments(law, Beta(1.0), (4, 4))
    leaf = x.clone().requires_grad_()
    f = model(leaf)
    (grad,) = torch.autograd.grad(f.sum(), leaf)
    found = gradient_terms(grad, f.detach().sigmoid()[:, 0], y[:, 0], x, moments)
    known = swapped(model, x, y, moments, "logistic")
    assert found == pytest.approx((known.R1, known.R2), abs=1e-12)
