"""PuzzleMix: costs, minimal labelings, plans and mixed images against the reference's records."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from mixlib.core.lam import Beta
from mixlib.core.mix import blend, pair
from mixlib.core.net import Net
from mixlib.methods.puzzlemix.labeling import Costs, energy, least_energy
from mixlib.methods.puzzlemix.labeling.min_cut import by_flow
from mixlib.methods.puzzlemix.policy import (
    Puzzle,
    Weights,
    binomial_cost,
    divisor,
    label_mask,
    labeling_costs,
    puzzlemix,
    transport,
)
from mixlib.methods.puzzlemix.transport import moved, transport_plan

CIFAR_STD = (0.2023, 0.1994, 0.2010)


class Case:
    """One case of the methods fixture, as tensors."""

    def __init__(self, data, number: int) -> None:
        self.at, self.data = f"c{number:02d}_", data
        block, levels, lam, beta, gamma, eta, near, cell, move = self["params"].tolist()
        self.grid, self.lam = (int(block), int(block)), lam
        self.weights = Weights(beta, gamma, eta, int(near), int(levels))
        self.cell, self.move = (None if cell < 0 else int(cell)), move
        self.scale = 1000 * block**2
        self.picture = self["images"].float() / 255
        mean, std = self["mean"][:, None, None], self["std"][:, None, None]
        self.x = (self.picture - mean) / std
        self.partner = torch.tensor([1, 0])

    def __getitem__(self, key: str) -> torch.Tensor:
        return torch.from_numpy(np.array(self.data[self.at + key]))

    def costs(self) -> Costs:
        parts = (self[key].double() for key in ("unary_cost", "pair_vert", "pair_horiz"))
        return Costs(*parts)


@pytest.fixture(params=range(20))
def case(request, golden):
    return Case(golden("methods/puzzlemix"), request.param)


def test_costs_are_the_reference_s_before_truncation(case):
    lam = torch.full((2,), case.lam)
    saliency = case["saliency"]
    costs = labeling_costs(
        case.picture, torch.ones(3, 1, 1), saliency, case.partner, lam, case.grid, case.weights
    )
    for ours, theirs in (
        (costs.unary, "unary_cost"),
        (costs.down, "pair_vert"),
        (costs.right, "pair_horiz"),
    ):
        difference = ours * case.scale - case[theirs]
        assert difference.min() > -1
        assert difference.max() < 2  # truncation takes up to one


@pytest.mark.parametrize("tolerance", [0.0, 1e-4])
def test_labels_reach_the_exact_minimum(case, tolerance):
    costs = case.costs()
    reached = energy(costs, least_energy(costs, tolerance))
    exact = case["energy_exact"]
    assert (reached <= exact + (0.25 if tolerance == 0 else tolerance * exact)).all()
    if tolerance == 0:
        assert (reached <= case["energy_official"] * (1 + 1e-9)).all()
    recorded = energy(costs, case["label_index"].long())
    torch.testing.assert_close(recorded, case["energy_official"])
    torch.testing.assert_close(energy(costs, case["label_exact"].long()), exact)


def test_transport_finds_the_recorded_plans(case):
    mask = case["transport_mask"]
    for which, shown in (("a", mask > 0), ("b", mask < 1)):
        saliency = case[f"transport_saliency_{which}"].view_as(mask)
        plan = transport_plan(saliency, shown, case.move, mask.shape[-1])
        theirs = case[f"plan_{which}"].long()
        seen = shown.flatten(1) & (theirs >= 0)
        assert torch.equal(plan.flatten(1)[seen], theirs[seen])


def test_plans_cost_what_was_recorded_and_show_no_hole(case):
    mask = case["transport_mask"]
    side = mask.shape[-1]
    place = torch.stack(torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij"), -1)
    place = place.view(-1, 2).float()
    for k, (which, shown) in enumerate((("a", mask > 0), ("b", mask < 1))):
        saliency = case[f"transport_saliency_{which}"]
        plan = transport_plan(saliency.view_as(mask), shown, case.move, side).flatten(1)
        way = (place[plan] - place).square().sum(2) / max(side - 1, 1) ** 2
        each = case.move * way - saliency.gather(1, plan)
        cost = (each * shown.flatten(1)).sum(1).double()
        torch.testing.assert_close(cost, case["transport_cost_official"][k], atol=1e-5, rtol=1e-5)
        assert (cost >= case["transport_cost_exact"][k] - 1e-5).all()
        assert (case["transport_holes"][k] == 0).all()


def test_mixed_images_given_the_recorded_labels(case):
    mask = label_mask(case["label_index"].long(), case.weights.levels)
    torch.testing.assert_close(mask, case["mask"])
    torch.testing.assert_close(mask.mean((1, 2)), case["ratio"])
    moves = transport(
        case.x, case["saliency"], case.partner, mask, case.cell, case.move, bidding="grid_rows"
    )
    parts = tuple(move(case.x) for move in moves)
    pixels = 32 // case.grid[0]
    own = mask.repeat_interleave(pixels, 1).repeat_interleave(pixels, 2)
    mixed = blend(pair(case.partner, own, mask.mean((1, 2)), parts=parts), case.x)
    torch.testing.assert_close(mixed, case["mixed"], atol=1e-5, rtol=0)


@pytest.mark.parametrize("number", range(3))
def test_openmixup_images(golden, number):
    data, at = golden("automix/puzzlemix"), f"c{number}_"
    x, saliency = torch.from_numpy(data["x"]), torch.from_numpy(data["saliency"])
    partner, block = torch.from_numpy(data[at + "perm"]), int(data[at + "block_num"])
    lam = torch.full((3,), float(data[at + "alpha"]))
    cell = int(data[at + "t_size"]) if data[at + "transport"] else 0
    policy = Puzzle(Beta(1.0), CIFAR_STD, cell=cell, tolerance=0.0, bidding="grid_rows")

    mix = policy.solve(x, saliency, partner, lam, block)
    theirs = torch.from_numpy(data[at + "mask_blocks"])
    std = torch.tensor(CIFAR_STD)[:, None, None]
    costs = labeling_costs(x, std, saliency, partner, lam, (block, block), policy.weights)
    ours = mix.mask[:, 0, :: 32 // block, :: 32 // block]
    least, recorded = (energy(costs, (2 - 2 * mask).long()) for mask in (ours, theirs))
    assert (least <= recorded * (1 + 1e-6)).all()
    torch.testing.assert_close(mix.weight[:, 0], ours.mean((1, 2)))

    # the reference's swap misses a minimum in case 1, so the images are compared given its labels
    moves = transport(x, saliency, partner, theirs, cell, bidding="grid_rows") if cell else None
    parts = None if moves is None else tuple(move(x) for move in moves)
    own = theirs.repeat_interleave(32 // block, 1).repeat_interleave(32 // block, 2)
    recorded = pair(partner, own, torch.from_numpy(data[at + "lam"]), parts=parts)
    expected = torch.from_numpy(data[at + "img"])
    torch.testing.assert_close(blend(recorded, x), expected, atol=1e-5, rtol=1e-5)
    same = (ours == theirs).flatten(1).all(1)
    assert same.sum() >= 2
    torch.testing.assert_close(blend(mix, x)[same], expected[same], atol=1e-5, rtol=1e-5)


def random_costs(n: int, size: tuple[int, int], levels: int, rng: torch.Generator) -> Costs:
    """Convex unaries of the scale that PuzzleMix meets, edges of very different weights."""
    unary = torch.randn(n, *size, 1, generator=rng) * torch.linspace(0, 1, levels)
    unary = unary + 0.2 * torch.linspace(-1, 1, levels).square()
    down = torch.rand(n, size[0] - 1, size[1], generator=rng).square()
    return Costs(unary, down, torch.rand(n, size[0], size[1] - 1, generator=rng).square())


@pytest.mark.parametrize("levels", [2, 3, 4])
@pytest.mark.parametrize("size", [(1, 1), (1, 5), (3, 2), (2, 4)])
def test_the_frontier_program_equals_enumeration(size, levels):
    costs = random_costs(3, size, levels, torch.Generator().manual_seed(1))
    cells = size[0] * size[1]
    every = torch.cartesian_prod(*[torch.arange(levels)] * cells).view(-1, *size)
    for b in range(3):
        one = Costs(*(part[b : b + 1] for part in (costs.unary, costs.down, costs.right)))
        least = energy(
            Costs(*(p.expand(len(every), *p.shape[1:]) for p in (one.unary, one.down, one.right))),
            every,
        ).min()
        torch.testing.assert_close(energy(one, least_energy(one))[0], least)


@pytest.mark.parametrize("levels", [2, 3, 4])
@pytest.mark.parametrize("size", [(5, 7), (8, 8), (16, 16)])
def test_wide_grids_are_within_the_tolerance_of_the_cut(size, levels):
    costs = random_costs(8, size, levels, torch.Generator().manual_seed(2))
    exact = energy(costs, by_flow(costs))
    for tolerance in (0.0, 1e-3):
        reached = energy(costs, least_energy(costs, tolerance))
        assert (reached - exact <= tolerance * reached.abs() + 1e-4).all()
        assert (reached - exact >= -1e-4).all()


def test_peaked_saliency_does_not_overflow():
    """One cell with nearly all of the saliency: the reference's int32 costs wrap around here."""
    saliency = torch.full((2, 32, 32), 1e-6)
    saliency[0, 4, 4] = saliency[1, 28, 28] = 1.0
    x = torch.rand(2, 3, 32, 32)
    policy = Puzzle(Beta(1.0), (1.0,) * 3, cell=0)
    mix = policy.solve(x, saliency, torch.tensor([1, 0]), torch.full((2,), 0.5), 16)
    own = mix.mask[:, 0]
    assert own[0, 4, 4] == own[1, 28, 28] == 1
    assert own[0, 28, 28] == own[1, 4, 4] == 0


def test_transport_is_stable_and_shows_salient_cells():
    """Nobody could move to a cell that both it and the cell would prefer."""
    rng = torch.Generator().manual_seed(3)
    share = torch.rand(6, 8, 8, generator=rng).pow(6)
    share = share / share.sum((1, 2), keepdim=True)
    shown = torch.rand(6, 8, 8, generator=rng) < 0.4
    plan = transport_plan(share, shown).flatten(1)
    place = torch.cartesian_prod(torch.arange(8.0), torch.arange(8.0))
    way = 0.8 * torch.cdist(place, place).square() / 49
    for b in range(6):
        cost = way - share[b].flatten()[:, None]
        seen = shown[b].flatten()
        at = plan[b]
        assert at[seen].unique().numel() == int(seen.sum())
        held = cost[at, torch.arange(64)].where(seen, torch.tensor(torch.inf))
        mine = torch.zeros(64).scatter(0, at[seen], held[seen])
        envy = seen & (cost < held - 1e-6) & (cost < mine[:, None] - 1e-6)
        assert not envy.any()
    assert (plan == transport_plan(share, shown, rounds=500).flatten(1)).all()


def test_moved_is_a_gather_of_cells():
    x = torch.arange(2 * 36.0).view(2, 1, 6, 6)
    plan = torch.tensor([[[3, 1], [2, 0]], [[0, 0], [2, 3]]])
    out = moved(x, plan)
    assert torch.equal(out[0, :, :3, :3], x[0, :, 3:, 3:])
    assert torch.equal(out[1, :, :3, 3:], x[1, :, :3, :3])
    assert torch.equal(out[1, :, 3:], x[1, :, 3:])


def test_the_prior_is_binomial():
    lam = torch.tensor([0.0, 0.3, 1.0])
    cost = binomial_cost(lam, 3)
    odds = torch.stack([lam**2, 2 * lam * (1 - lam), (1 - lam) ** 2], 1)
    torch.testing.assert_close(cost, -(odds + 1e-8).log())


@pytest.mark.parametrize(("length", "most", "expected"), [(224, 16, 16), (7, 4, 1), (28, 16, 14)])
def test_cells_divide_the_image(length, most, expected):
    assert divisor(length, most) == expected


@pytest.mark.parametrize("size", [(7, 5), (32, 32), (24, 48)])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_any_batch_and_size_with_a_network(n, size):
    net = Net(nn.Sequential(nn.Flatten(), nn.Linear(3 * size[0] * size[1], 5)))
    x, y = torch.randn(n, 3, *size), torch.arange(n)
    policy = puzzlemix()
    for seed in range(4):
        first, again = (
            policy.draw(x, y, net, torch.Generator().manual_seed(seed)) for _ in range(2)
        )
        assert torch.equal(first.dense(), again.dense())
        assert torch.equal(blend(first, x), blend(again, x))
        torch.testing.assert_close(first.weight, first.dense().mean((2, 3)))
    assert all(p.grad is None for p in net.parameters())
    with pytest.raises(ValueError, match="needs the net"):
        policy.draw(x, y, None, torch.Generator())


@pytest.mark.parametrize(("contrast", "level"), [(0.97, 1), (1.03, 0)])
def test_a_cell_stays_half_where_saliency_differs_by_less_than_the_prior_s_step(contrast, level):
    """The least difference of shares that a label leaves the half for, without seams."""
    weights = Weights(beta=0.0)
    step = contrast * weights.eta * math.log(2) / 4
    more = torch.tensor([[0.25 + step, 0.25], [0.25, 0.25 - step]])
    saliency = torch.stack([more, more.flip(0, 1)])
    costs = labeling_costs(
        torch.zeros(2, 3, 2, 2), torch.ones(3, 1, 1), saliency, torch.tensor([1, 0]),
        torch.full((2,), 0.5), (2, 2), weights,
    )  # fmt: skip
    labels = least_energy(costs, 0.0)
    assert labels[0].tolist() == [[level, 1], [1, 2 - level]]
