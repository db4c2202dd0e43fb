"""ManifoldMix and AlignMix: mixing inside the network, against recorded features and plans."""

from __future__ import annotations

import pytest
import torch
from timm.models.vision_transformer import VisionTransformer

from mixlib.core.lam import Fixed
from mixlib.core.mix import blend, pair
from mixlib.core.net import Net
from mixlib.core.objective import MixOnce, mixed_forward
from mixlib.core.policy import ByLaw, Policy
from mixlib.methods.alignmix import (
    ITERATIONS,
    THRESHOLD,
    Align,
    aligned_mix,
    alignmix,
    distances,
    transport_plan,
)
from mixlib.methods.manifoldmix import manifoldmix
from mixlib.methods.mixup import Flat
from mixlib.models.wrap import wrap
from tests.mixlib.methods.automix.golden_cases import tiny_resnet

SITES = {f"stage{k}": f"layer{k}" for k in range(1, 5)}


class Given(Policy):
    """A mix that was drawn elsewhere, at a given site."""

    def __init__(self, mix, site: str) -> None:
        self.mix, self.site = mix, site

    def draw(self, z, y, net, rng):
        return self.mix


@pytest.mark.parametrize("case", range(3))
def test_manifoldmix_features(golden, case):
    data, at = golden("automix/manifoldmix"), f"c{case}_"
    state = {
        key.removeprefix("param."): torch.from_numpy(data[key].copy())
        for key in data.files
        if key.startswith("param.")
    }
    model = tiny_resnet()
    assert set(state) <= set(model.state_dict())
    model.load_state_dict(state, strict=False)
    net = Net(model.train(), SITES)
    x = torch.from_numpy(data["x"])
    layer = int(data[at + "layer"])
    partner = torch.from_numpy(data[at + "perm"])
    lam = torch.tensor([float(data[at + "lam"])])
    mix = pair(partner, lam[:, None, None], lam)
    policy = Given(mix, "input" if layer == 0 else f"stage{layer}")
    labels = torch.zeros(4, dtype=torch.long)
    _, _, seen = mixed_forward(net, policy, x, labels, torch.Generator(), ("stage4",))
    expected = torch.from_numpy(data[at + "feat"])
    torch.testing.assert_close(seen["stage4"].detach(), expected, atol=2e-5, rtol=1e-3)


def small_net() -> Net:
    torch.manual_seed(0)
    conv = torch.nn.Conv2d(3, 6, 3, 2, 1)
    head = torch.nn.Sequential(
        torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(6, 4)
    )
    return Net(torch.nn.Sequential(conv, head), {"stage1": "0", "stage2": "0", "stage4": "0"})


def test_manifoldmix_draws_every_site():
    policy = manifoldmix()
    chosen = [policy.choose(torch.Generator().manual_seed(seed)) for seed in range(60)]
    assert {now.site for now in chosen} == {"input", "stage1", "stage2"}
    assert all(isinstance(now, ByLaw) and isinstance(now.law, Flat) for now in chosen)
    x, y = torch.randn(5, 3, 8, 8), torch.arange(5) % 4
    with pytest.raises(TypeError, match="choose"):
        policy.draw(x, y, None, torch.Generator())
    for seed in range(6):
        step = MixOnce(small_net(), policy)(x, y, torch.Generator().manual_seed(seed))
        assert step.loss.isfinite()


def test_manifoldmix_in_a_transformer():
    torch.manual_seed(0)
    net = wrap(VisionTransformer(
        img_size=32, patch_size=8, embed_dim=12, depth=6, num_heads=3, num_classes=5
    ))  # fmt: skip
    policy, x, y = manifoldmix(), torch.randn(4, 3, 32, 32), torch.arange(4)
    reached = set()
    for seed in range(8):
        site = policy.choose(torch.Generator().manual_seed(seed)).site
        rng = torch.Generator().manual_seed(seed)
        mix, logits, seen = mixed_forward(net, policy, x, y, rng, (site,))
        if site != "input":
            # every token, the class token too, is the mixture of two images' tokens
            clean = net.features(x, site)
            own = mix.weight[:, :1, None]
            expected = own * clean + (1 - own) * clean[mix.source[:, 1]]
            torch.testing.assert_close(seen[site], expected)
        reached.add(site)
        assert logits.shape == (4, 5)
    assert reached == {"input", "stage1", "stage2"}


def cases():
    return [("methods/alignmix", f"c{c:02d}_") for c in range(4)] + [
        ("automix/alignmix", f"c{c}_") for c in range(2)
    ]


transport_plan_in_use = transport_plan


@pytest.mark.parametrize(("name", "at"), cases())
def test_alignmix_plans_and_features(golden, name, at):
    data = golden(name)
    first, second = ("feat1", "feat2") if name.startswith("methods") else ("f1", "f2")
    a, b = (torch.from_numpy(data[at + key].copy()) for key in (first, second))
    cost = distances(a.flatten(2), b.flatten(2))
    difference = a.flatten(2)[..., None] - b.flatten(2)[:, :, None]
    torch.testing.assert_close(cost, difference.square().sum(1), atol=1e-4, rtol=1e-5)
    plan = transport_plan_in_use(cost, float(data[at + "eps"]), every=1)
    atol, rtol = (1e-7, 1e-4) if name.startswith("methods") else (2e-5, 2e-4)
    torch.testing.assert_close(plan, torch.from_numpy(data[at + "plan"]), atol=atol, rtol=rtol)
    outs = ("mixed_align2to1", "mixed_align1to2") if first == "feat1" else ("out_dir0", "out_dir1")
    lam = torch.full((len(a),), float(data[at + "lam"]))
    for own_moves, key in enumerate(outs):
        mix = aligned_mix(a, b, plan, torch.arange(len(a)), lam, bool(own_moves))
        expected = torch.from_numpy(data[at + key])
        torch.testing.assert_close(blend(mix, a), expected, atol=1e-4, rtol=2e-4)


@pytest.mark.parametrize("case", range(4))
def test_the_iterations_stop_as_recorded(golden, case):
    data, at = golden("methods/alignmix"), f"c{case:02d}_"
    a, b = (torch.from_numpy(data[at + key].copy()).flatten(2) for key in ("feat1", "feat2"))
    eps, turns = float(data[at + "eps"]), int(data[at + "n_iter"])
    stopped = transport_plan_in_use(distances(a, b), eps, every=1)
    assert torch.equal(stopped, transport_plan_in_use(distances(a, b), eps, turns, 0.0, every=1))
    later = transport_plan_in_use(distances(a, b), eps, every=5)
    assert (later.sum(2) - 1 / a.shape[2]).abs().max() < 0.02


@pytest.mark.parametrize("factor", [0.1, 10.0])
def test_a_wrong_tolerance_of_sinkhorn_is_caught(golden, monkeypatch, factor):
    def wrong(cost, epsilon, iterations=ITERATIONS, threshold=THRESHOLD, every=5):
        return transport_plan(cost, epsilon, iterations, threshold * factor, every)

    monkeypatch.setitem(globals(), "transport_plan_in_use", wrong)
    with pytest.raises(AssertionError):
        check_all(test_alignmix_plans_and_features, golden, cases())
    with pytest.raises(AssertionError):
        check_all(test_the_iterations_stop_as_recorded, golden, [(case,) for case in range(4)])


def check_all(check, golden, arguments) -> None:
    for case in arguments:
        check(golden, *case)


def test_alignmix_trains_and_takes_both_ways():
    net, x = small_net(), torch.randn(5, 3, 8, 8)
    sites = {alignmix().choose(torch.Generator().manual_seed(seed)).site for seed in range(30)}
    assert sites == {"input", "stage4"}
    for seed in range(4):
        policy = Align(Fixed(0.4), "stage4")
        step = MixOnce(net, policy)(x, torch.arange(5) % 4, torch.Generator().manual_seed(seed))
        step.loss.backward()
    assert net.model[0].weight.grad.abs().sum() > 0
    with pytest.raises(ValueError, match="feature map"):
        Align(Fixed(0.5)).draw(torch.randn(2, 4, 5), torch.arange(2), None, torch.Generator())
