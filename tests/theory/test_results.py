"""First layer, adversarial and generalization bounds, gradient products, profiles."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mixlib.core.lam import Beta
from mixlib.masks.designed import Mixture
from mixlib.methods.cutmix import Box
from mixlib.methods.gridmix import CoinCells
from mixlib.methods.hmix import HMix
from mixlib.methods.mixup import Flat
from theory.expansion import swapped
from theory.first_layer import first_layer
from theory.gradients import by_distance as reach
from theory.gradients import input_gradients, normalized, product_map
from theory.lam import spread
from theory.moments import center, exact
from theory.profiles import by_distance, by_lag, effective_dimension, spectrum
from theory.robustness import adversarial, generalization

FAIR = [
    Flat(),
    Box("wrap", label="drawn"),
    HMix(0.5, "wrap"),
    CoinCells((2, 2)),
    Mixture((Flat(), Box("wrap", label="drawn")), (0.5, 0.5)),
]


def fig4(data):
    w1, w2, w3 = (torch.tensor(data[f"w{k}"]) for k in (1, 2, 3))

    def model(images):
        hidden = F.softplus(F.conv2d(images, w1, padding=1))
        hidden = F.softplus(F.conv2d(hidden, w2, padding=1, stride=2))
        return hidden.mean(dim=(2, 3)) @ w3.T

    return model, torch.tensor(data["x"]), torch.tensor(data["y"])


def test_figure_4_statistic(golden):
    data = golden("theory/fig4_statistic")
    gradients = input_gradients(*fig4(data))
    np.testing.assert_allclose(gradients, data["grad"], atol=1e-6)
    found = product_map(gradients)
    np.testing.assert_allclose(found, data["map_raw"], atol=1e-6)
    np.testing.assert_allclose(normalized(found), data["map_norm_center"], atol=1e-6)
    assert normalized(found).max() == 1
    assert torch.equal(found, found.flip(0, 1))
    lengths, values = reach(normalized(found))
    assert values[0] == 1
    assert len(lengths) == len(values)
    # one pixel away: the four neighbors and the four diagonal ones, sqrt(2) rounded
    middle = found.shape[0] // 2
    near = normalized(found)[middle - 1 : middle + 2, middle - 1 : middle + 2]
    assert float(values[1]) == pytest.approx(float((near.sum() - 1) / 8))
    with pytest.raises(ValueError, match="vanish"):
        normalized(torch.zeros(3, 3))


@pytest.mark.parametrize("kind", ["logistic", "cross-entropy"])
@pytest.mark.parametrize("law", [Flat(), Box(odd="drop")], ids=str)
def test_first_layer_form(kind, law):
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(7, 16, generator=rng, dtype=torch.float64)
    x = x - x.mean(0)
    classes = 1 if kind == "logistic" else 3
    labels = torch.arange(7) % max(classes, 2)
    y = (labels[:, None] if classes == 1 else F.one_hot(labels, classes)).double()
    weight, last = (
        torch.randn(shape, generator=rng, dtype=torch.float64) * 0.3
        for shape in ((5, 16), (classes, 5))
    )

    def rest(hidden):
        return torch.tanh(hidden) @ last.T

    def model(images):
        return rest(images.flatten(1) @ weight.T)

    moments = exact(law, Beta(1.0), (4, 4))
    found = first_layer(rest, weight, x, y, moments, kind)
    known = swapped(model, x.view(-1, 1, 4, 4), y, moments, kind)
    assert pytest.approx(known.R1, abs=1e-12) == found.R1
    assert 0 <= found.R2_own <= known.R2 + 1e-12
    with pytest.raises(ValueError, match="centered"):
        first_layer(rest, weight, x + 1, y, moments, kind)


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


@pytest.mark.parametrize("law", FAIR, ids=str)
def test_generalization_bound(law):
    rng = torch.Generator().manual_seed(2)
    x = torch.randn(100, 2, 4, 4, generator=rng, dtype=torch.float64).cumsum(3)
    c2 = spread(Beta(1.0))
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


def test_profiles_of_a_law_on_the_torus():
    size = (8, 8)
    found = exact(Box("wrap", label="drawn"), Beta(1.0), size)
    distance, value = by_distance(found, center(size))
    assert distance[0] == 0
    assert value[0] == pytest.approx(1 / 3)
    assert (value.diff()[:3] < 0).all()
    flat_distance, flat = by_distance(exact(Flat(), Beta(1.0), size), 0, bins=4)
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
    power = spectrum(exact(Box("wrap", label="drawn"), Beta(1.0), size).A, size)
    np.testing.assert_allclose(power[[1, 2], 0], [0.0176, 0.00585], rtol=0.03)
    hybrid = spectrum(exact(HMix(0.5, "wrap"), Beta(1.0), size).A, size)
    np.testing.assert_allclose(hybrid[[1, 2], 0], [0.00605, 0.00059], rtol=0.03)


def test_effective_dimension_of_no_penalty_structure():
    assert effective_dimension(0.5 * torch.eye(3).double(), torch.eye(3).double()) == 6
