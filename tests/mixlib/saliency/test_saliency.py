"""Input gradients: right values, and nothing else about the network changes."""

from __future__ import annotations

import torch
from torch import nn

from mixlib.core.net import Net
from mixlib.saliency.gradient import gradient_saliency, shares


def network() -> Net:
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5))
    return Net(nn.Sequential(body, nn.Flatten(), nn.Linear(4 * 36, 7)))


def test_it_is_the_gradient_in_evaluation_mode():
    net, x, y = network(), torch.randn(4, 3, 8, 8), torch.tensor([0, 3, 6, 1])
    net.model[0][1].eval()  # a frozen norm must stay frozen
    with torch.no_grad():
        found = gradient_saliency(net, x, y)
    assert net.model[0][3].training
    assert not net.model[0][1].training
    assert all(p.grad is None for p in net.parameters())
    assert net.model[0][1].num_batches_tracked == 0

    net.eval()
    seen = x.clone().requires_grad_()
    nn.functional.cross_entropy(net(seen)[0], y, reduction="sum").backward()
    torch.testing.assert_close(found, seen.grad.square().mean(1).sqrt())


def test_shares_sum_to_one_even_without_a_gradient():
    saliency = torch.rand(3, 8, 8)
    saliency[1] = 0
    found = shares(saliency, (4, 2))
    torch.testing.assert_close(found.sum((1, 2)), torch.ones(3))
    torch.testing.assert_close(found[1], torch.full((4, 2), 1 / 8))
