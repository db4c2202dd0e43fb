"""What every policy of the catalog must bear, whatever it looks at: the caller's autocast, samples
that are not finite, and networks that torch.compile has compiled."""

from __future__ import annotations

import copy

import pytest
import torch

from mixlib.core.mix import Boxes, blend
from mixlib.core.net import Net
from mixlib.core.objective import MixOnce
from tests.contracts.test_policies import POLICIES, network, policy

SIZE, N = (16, 16), 4
# ReLabel reads a network of its own only
ATTENTIVE = ("tokenmix", "transmix", "smmix", "tla", "mixpro", "mergemix")
CONVOLUTIONAL = [n for n in POLICIES if n not in (*ATTENTIVE, "relabel")]


def drawn(name: str, x: torch.Tensor, **autocast):
    rng = torch.Generator().manual_seed(0)
    net = network(3, N)
    if not autocast:
        now = policy(name, 3).choose(rng)
        return now.draw(x, torch.arange(N), net, rng)
    with torch.autocast("cpu", **autocast):
        now = policy(name, 3).choose(rng)
        return now.draw(x, torch.arange(N), net, rng)


def images(seed: int = 0) -> torch.Tensor:
    return torch.rand(N, 3, *SIZE, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("name", POLICIES)
def test_draws_are_those_without_autocast(name, dtype):
    plain, under = drawn(name, images()), drawn(name, images(), dtype=dtype)
    assert torch.equal(plain.source, under.source)
    assert torch.equal(plain.weight, under.weight)
    if isinstance(plain.mask, Boxes):
        assert torch.equal(plain.mask.edges, under.mask.edges)
    else:
        assert plain.mask.dtype == under.mask.dtype
        assert torch.equal(plain.mask, under.mask)


# ReLabel's soft labels are over three classes
@pytest.mark.parametrize("name", [name for name in POLICIES if name != "relabel"])
def test_images_may_come_halved_under_autocast(name):
    """As trainers of mixed precision hand them over (Lightning's bf16-mixed)."""
    net = network(3, N)
    x = images().bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        now = policy(name, 3).choose(torch.Generator().manual_seed(0))
        mix = now.draw(x, torch.arange(N), net, torch.Generator().manual_seed(0))
        loss = MixOnce(net, policy(name, 3))(
            x, torch.arange(N), torch.Generator().manual_seed(0)
        ).loss
    assert mix.dense().isfinite().all()
    assert loss.isfinite()


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e38], ids=str)
@pytest.mark.parametrize("name", POLICIES)
def test_a_sample_that_is_not_finite_breaks_no_mask(name, bad):
    for seed in range(3):
        x = images(seed)
        x[0] = bad
        mix = drawn(name, x)
        assert mix.weight.isfinite().all()
        assert mix.dense().isfinite().all()
        assert ((mix.source >= 0) & (mix.source < N)).all()
        # who has no part in the bad sample stays finite
        out = blend(mix, x)
        away = ~(mix.source == 0).any(1)
        assert out[away].isfinite().all()


@pytest.mark.parametrize("how", ["in place", "wrapped", "a part in place"])
@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_compiled_networks_are_mixed_and_read_as_others(name, how):
    model = network(3, N).model.eval()
    sites = {f"stage{k}": f"layer{k}" for k in range(1, 5)}
    x, y = images(), torch.arange(N)

    def losses(net: Net) -> list[float]:
        objective = MixOnce(net, policy(name, 3))
        return [
            float(objective(x, y, torch.Generator().manual_seed(seed)).loss.detach())
            for seed in range(5)
        ]

    expected = losses(Net(copy.deepcopy(model), sites))
    if how == "wrapped":
        model = torch.compile(model, backend="eager")
    else:
        (model if how == "in place" else model.layer1).compile(backend="eager")
    assert losses(Net(model, sites)) == pytest.approx(expected, rel=1e-5)
