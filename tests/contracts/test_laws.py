"""What every registered mask law promises: values in [0, 1], no bias where it says so, determinism,
an influence of lambda; and every law of lambda its distribution."""

from __future__ import annotations

import importlib
import pkgutil

import pytest
import torch
from scipy import stats

import mixlib.adapters
import mixlib.masks
import mixlib.methods
from mixlib.catalog.laws import LAWS
from mixlib.core.lam import Beta, Fixed, Redrawn, Uniform
from mixlib.core.mask import MaskLaw, as_dense, label_share
from mixlib.methods.cutmix import Box
from mixlib.methods.hmix import HMix
from theory.explanation import explain

SIZES = ((1, 1), (7, 5), (8, 8), (16, 24))


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def subclasses(kind: type) -> set[type]:
    return {found for one in kind.__subclasses__() for found in (one, *subclasses(one))}


def test_every_law_is_registered():
    for package in (mixlib.methods, mixlib.masks, mixlib.adapters):
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            importlib.import_module(module.name)
    defined = {kind for kind in subclasses(MaskLaw) if kind.__module__.startswith("mixlib.")}
    registered = {type(law.make((8, 8))) for law in LAWS.values()}
    missing = {f"{kind.__module__}:{kind.__name__}" for kind in defined - registered}
    assert not missing, "write LAWS = {...} at the foot of their files, see mixlib.catalog.laws"


def test_laws_are_registered_in_their_own_file():
    for law in LAWS.values():
        assert type(law.make((8, 8))).__module__ == law.module


@pytest.mark.parametrize("name", LAWS)
def test_the_share_grows_with_lambda_where_a_law_says_so(name):
    # holes of whole pixels need room to grow
    law, (few, many) = LAWS[name].make((32, 32)), (0.2, 0.8)
    means = [
        float(law.sample(torch.full((500,), lam, dtype=torch.float64), (32, 32), rng(5)).mean())
        for lam in (few, many)
    ]
    if law.follows_lambda:
        assert means[1] - means[0] > 0.2
    else:
        assert means[0] == means[1]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", LAWS)
def test_masks_are_shares_of_the_right_size(name, size):
    law = LAWS[name].make(size)
    for n in (1, 2, 5):
        lam = torch.linspace(0, 1, n, dtype=torch.float64)
        first, again = (law.sample(lam, size, rng()) for _ in range(2))
        assert first.shape == (n, *size)
        assert first.dtype == torch.float64
        assert torch.equal(first, again)
        assert first.min() >= 0
        assert first.max() <= 1


@pytest.mark.parametrize("name", LAWS)
def test_label_shares_are_the_mean_of_the_mask_or_lambda(name):
    law, lam = LAWS[name].make((9, 9)), torch.rand(2000, generator=rng(), dtype=torch.float64)
    own = law.draw(lam, (9, 9), rng(1))
    share = label_share(law, lam, own)
    mean = as_dense(own, (9, 9), torch.float64).mean((1, 2))
    if law.label == "realized":
        torch.testing.assert_close(share, mean, atol=1e-12, rtol=0)
    else:
        # on average, that is: some laws hit lambda in every mask, others only over all of them
        off = mean - share
        assert off.mean().abs() <= 4 * off.std() / len(lam) ** 0.5 + 1e-9


@pytest.mark.parametrize("lam", [0.1, 0.5, 0.83])
@pytest.mark.parametrize("name", [name for name, law in LAWS.items() if law.make((8, 8)).unbiased])
def test_unbiased_laws_have_mean_lambda_everywhere(name, lam):
    n, size = 20_000, (8, 8)
    own = LAWS[name].make(size).sample(torch.full((n,), lam, dtype=torch.float64), size, rng(2))
    error = own.std(0) / n**0.5
    # 64 correlated pixels: 4.5 standard errors are passed in less than 1 of 2000 runs
    assert ((own.mean(0) - lam).abs() <= 4.5 * error + 1e-4).all()


@pytest.mark.parametrize(("lam", "mean"), [(0.1, 0.486), (0.5, 0.678), (0.9, 0.917)])
def test_a_clipped_box_is_biased_as_known(lam, mean):
    own = Box().sample(torch.full((20_000,), lam, dtype=torch.float64), (32, 32), rng(3))
    assert abs(float(own.mean()) - mean) < 0.01


LAMBDAS = {
    "mixup": (Beta(1.0), stats.beta(1, 1)),
    "narrow": (Beta(0.2), stats.beta(0.2, 0.2)),
    "tilted": (Beta(1.2, 0.2), stats.beta(1.2, 0.2)),
    "scale": (Uniform(0.1, 0.8), stats.uniform(0.1, 0.7)),
    "redrawn": (Redrawn(Beta(1.0), 0.1, 0.8), stats.uniform(0.1, 0.7)),
}


@pytest.mark.parametrize("name", LAMBDAS)
def test_lambda_follows_its_law(name):
    law, expected = LAMBDAS[name]
    drawn = law.sample(20_000, rng(4))
    assert stats.kstest(drawn.numpy(), expected.cdf).pvalue > 1e-3
    assert torch.equal(drawn, law.sample(20_000, rng(4)))
    shares = law.shares(20_000, rng(4))
    assert torch.equal(shares[:, 0], drawn)
    torch.testing.assert_close(shares.sum(1), torch.ones_like(drawn))


def test_wrong_parameters_are_refused():
    for build in (
        lambda: Beta(0.0),
        lambda: Uniform(0.5, 0.2),
        lambda: Fixed(1.5),
        lambda: Redrawn(Beta(1.0), 0.9, 0.1),
        lambda: HMix(2.0),
    ):
        with pytest.raises(ValueError, match="got"):
            build()


@pytest.mark.parametrize("name", LAWS)
def test_theory_explains_every_law(name):
    """What it regularizes, on a smooth network on which the second order is nearly everything."""
    images = torch.randn(6, 1, 8, 8, generator=rng(3), dtype=torch.float64)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3)).double()
    with torch.no_grad():
        net[1].weight.normal_(0, 0.1, generator=rng(4))
    found = explain(LAWS[name].make((8, 8)), net, images, torch.arange(6) % 3, directions=256)
    # a linear network has no Hessian of its own; the loss' curvature makes R2 positive
    assert found.terms["R2"].value > 0
    assert found.terms["R3"].value == 0
    assert abs(found.terms["remainder"].value) < 0.2 * found.terms["R2"].value
