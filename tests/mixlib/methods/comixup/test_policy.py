"""Co-Mixup: objective and targets as recorded, assignments at least as good as the reference's."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import one_hot

from mixlib.core.mix import blend
from mixlib.core.net import Net
from mixlib.methods.comixup.policy import (
    CoWeights,
    _apart,
    assign,
    comixup,
    few,
    objective,
    prior_cost,
)
from mixlib.methods.comixup.potts import descend, potts_energy


def tensor(array) -> torch.Tensor:
    return torch.from_numpy(np.array(array))


class Case:
    """One recorded problem, as a batch of one part."""

    def __init__(self, data, number: int) -> None:
        self.data, self.at = data, f"c{number:02d}_"
        _, _, beta, gamma, eta, alpha, tau, sweeps, omega = self["params"].tolist()
        self.weights = CoWeights(beta, gamma, eta, alpha, tau, omega)
        self.sweeps = int(sweeps)
        self.cost = self["cost_after_prior"][None]

    def __getitem__(self, key: str) -> torch.Tensor:
        return tensor(self.data[self.at + key])

    def ours(self) -> torch.Tensor:
        start = self["init_label"].long()[None]
        return assign(self.cost, self["A"][None], start, self.weights, self.sweeps + 2)


@pytest.mark.parametrize("number", range(10))
def test_costs_objective_and_targets(golden, number):
    case = Case(golden("methods/comixup"), number)
    saliency = case["saliency"]
    share = saliency / saliency.sum((1, 2), keepdim=True)
    cost = prior_cost(share[None], case["dirichlet"][None], case.weights)
    torch.testing.assert_close(cost, case.cost, atol=1e-6, rtol=1e-5)
    theirs = case["mask"].float()[None]
    found = objective(case.cost, theirs, case.weights)
    torch.testing.assert_close(found[0].double(), case["obj_thres"], atol=1e-4, rtol=1e-5)
    # without a threshold every use by another output counts, at the start as at the end
    plain = replace(case.weights, threshold=-1.0)
    start = one_hot(case["init_label"].long(), theirs.shape[-1]).float()[None]
    for masks, key in ((theirs, "obj_plain"), (start, "obj_plain_init")):
        found = objective(case.cost, masks, plain)[0].double()
        torch.testing.assert_close(found, case[key], atol=1e-4, rtol=1e-5)
    target = theirs[0].mean((1, 2))
    torch.testing.assert_close(target, case["target"], atol=1e-6, rtol=0)
    kept, which = few(theirs[0])
    assert kept.shape[1] <= int(case["labels_per_output"].max()) + 1
    assert torch.equal(which[:, 0], torch.arange(len(which)))
    again = torch.zeros_like(target).scatter_(1, which, kept.mean((2, 3)))
    torch.testing.assert_close(again, target)


def test_the_objective_is_the_reference_s_or_better(golden):
    data = golden("methods/comixup")
    reached, recorded = [], []
    for number in range(10):
        case = Case(data, number)
        mask = case.ours()
        assert torch.allclose(mask.sum(-1), torch.ones(()))
        reached.append(float(objective(case.cost, mask, case.weights)))
        recorded.append(float(case["obj_thres"]))
    ours, theirs = np.array(reached), np.array(recorded)
    assert ours.mean() <= theirs.mean() + 0.005 * abs(theirs.mean())
    assert (ours <= theirs + 0.03 * np.abs(theirs)).all()


@pytest.mark.parametrize("seed", range(4))
def test_rows_and_columns_come_close_to_the_minimum(seed):
    rng = torch.Generator().manual_seed(seed)
    unary = torch.rand(5, 2, 3, 4, generator=rng)
    pair = 0.3 * (1 - torch.eye(4)).expand(5, 4, 4)
    every = torch.tensor(list(itertools.product(range(4), repeat=6))).view(-1, 2, 3)
    found = potts_energy(unary, pair, descend(unary, pair, unary.argmin(-1)))
    for p in range(5):
        many = (t[p : p + 1].expand(len(every), *t.shape[1:]) for t in (unary, pair))
        least = potts_energy(*many, every).min()
        assert found[p] <= 1.2 * least + 1e-6


def test_outputs_of_the_same_images_are_pushed_apart():
    used = torch.tensor([[[1, 1, 0], [1, 1, 0], [0, 0, 1], [0, 0, 1], [1, 0, 1]]]).bool()
    pushed = _apart(used)[0].int().tolist()
    assert pushed == [[1, 0, 0], [0, 1, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize("n", [1, 2, 7, 25])
def test_every_batch_size_and_labels_by_area(n):
    net = Net(nn.Sequential(nn.Flatten(), nn.Linear(3 * 12 * 8, 5)))
    x, y = torch.randn(n, 3, 12, 8), torch.arange(n) % 5
    mix = comixup(part=10).draw(x, y, net, torch.Generator().manual_seed(0))
    hot = torch.eye(n)[:, :, None, None].expand(n, n, 12, 8)
    expected = torch.zeros(n, n).scatter_add_(1, mix.source, mix.weight)
    torch.testing.assert_close(blend(mix, hot).mean((2, 3)), expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(mix.weight.sum(1), torch.ones(n))
    assert blend(mix, x).isfinite().all()
