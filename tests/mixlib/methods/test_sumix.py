"""SUMix from its definition: distances, label shares, and what its loss is made of."""

from __future__ import annotations

import pytest
import torch

import mixlib
from mixlib.catalog import build as builder
from mixlib.core.mix import pair
from mixlib.methods.sumix import semantic_distances, semantic_shares, sumix
from tests.contracts.test_policies import network


def mixed_pair(lam: float = 0.4):
    return pair(torch.tensor([1, 2, 0]), None, torch.tensor([lam]))


def test_distances_sample_by_sample():
    mixed, clean, y = torch.randn(3, 5), torch.randn(3, 5), torch.tensor([0, 3, 0])
    mix = mixed_pair()
    found = semantic_distances(mix, mixed, clean, y, sharpness=7.0)
    p, q = clean.softmax(1), mixed.softmax(1)
    for b in range(3):
        for k in range(2):
            own, other = int(mix.source[b, k]), int(mix.source[b, 1 - k])
            reference = p[own].clone()
            if y[own] != y[other]:
                reference[y[other]] = 0
            apart = (q[b] - reference).softmax(0)
            torch.testing.assert_close(found[b, k], 7 * apart / apart.norm())


def test_the_source_that_is_nearer_has_more():
    mix, y = mixed_pair(0.5), torch.tensor([0, 1, 2])
    distances = torch.zeros(3, 2, 4)
    distances[:, 0] = 2.0
    shares = semantic_shares(mix, distances, y)
    torch.testing.assert_close(shares.sum(1), torch.ones(3))
    torch.testing.assert_close(shares[:, 1] / shares[:, 0], torch.full((3,), 2.0).exp())
    torch.testing.assert_close(semantic_shares(mix, distances * 0, y), mix.weight)


def test_the_loss_and_its_gradients():
    net = network(3, 4)
    objective = sumix(net, gamma=0.0)
    x, y = torch.rand(4, 3, 16, 16), torch.arange(4)
    step = objective(x, y, torch.Generator().manual_seed(0))
    torch.testing.assert_close(step.loss.detach(), step.terms["loss"])
    torch.testing.assert_close(step.mix.weight.sum(1), torch.ones(4))
    weighed = sumix(net, gamma=0.5)
    weighed.uncertainty.load_state_dict(objective.uncertainty.state_dict())
    more = weighed(x, y, torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        more.loss.detach(), step.loss.detach() + 0.5 * more.terms["uncertainty"]
    )
    more.loss.backward()
    assert weighed.uncertainty.weight.grad.abs().sum() > 0
    assert net.last_linear().weight.grad.abs().sum() > 0


def test_the_extra_layer_depends_on_the_seed_alone():
    one, two, other = (sumix(network(3, 4), seed=s).uncertainty.weight for s in (1, 1, 2))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)
    with pytest.raises(ValueError, match="training objective of its own"):
        mixlib.build("sumix")


def test_the_predictor_is_the_network_itself():
    net = builder.net("resnet10_w16", 4, 0)
    objective = sumix(net)
    assert objective.predictor() is net.model
    assert not any("uncertainty" in name for name in net.state_dict())
