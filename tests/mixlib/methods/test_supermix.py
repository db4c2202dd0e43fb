"""SuperMix: the recorded search step by step, and its use inside a training loop."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from mixlib.core.mix import blend
from mixlib.core.net import Net
from mixlib.methods.supermix import Search, full_masks, gaussian, optimize, smoothed, supermix


def tensor(array) -> torch.Tensor:
    return torch.from_numpy(np.array(array))


@pytest.mark.parametrize("case", range(4))
def test_the_recorded_search(golden, case):
    data, at = golden("methods/supermix"), f"c{case:02d}_"
    images, head = tensor(data[at + "images"]), tensor(data[at + "head"])
    k, side, sigma, sparsity, most = data[at + "params"].tolist()
    torch.testing.assert_close(
        gaussian(sigma), tensor(data[at + "gauss_kernel"]), atol=1e-6, rtol=0
    )

    def predict(x: torch.Tensor) -> torch.Tensor:
        cells = nn.functional.adaptive_avg_pool2d(x, 4)
        return torch.einsum("bcij,ycij->by", cells, head)

    n = len(images)
    source = (torch.arange(n)[:, None] + torch.arange(int(k))) % n
    labels = predict(images).argmax(1)
    target = torch.zeros(n, len(head))
    target.scatter_add_(1, labels[source], tensor(data[at + "dirichlet"]).float())
    search = Search(int(side), sigma, sparsity, 0.0, int(most))
    masks, found, turns = optimize(predict, images[source], target, search)
    assert turns == int(data[at + "n_iter"])
    assert int(found.sum()) == int(data[at + "n_success"])
    expected = tensor(data[at + "mask_success"])[:, :, 0]
    torch.testing.assert_close(masks[found], expected, atol=2e-3, rtol=0)
    mixed = (masks[:, :, None] * images[source]).sum(1)[found]
    torch.testing.assert_close(mixed, tensor(data[at + "mixed_success"]), atol=2e-3, rtol=0)


def test_masks_sum_to_one_and_blur_keeps_size():
    masks = full_masks(torch.randn(3, 4, 8, 8), (20, 12))
    torch.testing.assert_close(masks.sum(1), torch.ones(3, 20, 12))
    for sigma in (0.2, 1.0, 1.2, 2.0):
        assert smoothed(torch.rand(2, 1, 9, 9), sigma).shape == (2, 1, 9, 9)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_what_is_not_found_stays(n):
    torch.manual_seed(0)
    net = Net(nn.Sequential(nn.Flatten(), nn.Linear(3 * 64, 6)))
    x, y = torch.randn(n, 3, 8, 8), torch.arange(n) % 6
    mix = supermix(iterations=10).draw(x, y, net, torch.Generator().manual_seed(0))
    torch.testing.assert_close(mix.weight.sum(1), torch.ones(n))
    torch.testing.assert_close(mix.mask.sum(1), torch.ones(n, 8, 8))
    out = blend(mix, x)
    stays = mix.weight[:, 0] == 1
    assert torch.equal(out[stays], x[stays])
    assert all(p.grad is None for p in net.parameters())
    assert net.training
    with pytest.raises(ValueError, match="teacher"):
        supermix().draw(x, y, None, torch.Generator())
