"""Does the block learn?  After a short training its masks have shape and follow lambda."""

from __future__ import annotations

import pytest
import torch

from mixlib.automix import AutoMix, Features
from mixlib.automix.build import automix_spec
from mixlib.net import Net
from mixlib.seed import generator
from tests.mixlib.automix.golden_cases import tiny_resnet

SIDE, CLASSES = 16, 4


def patches(n: int, rng: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Noise with a patch of the class's colour at a random place: the mask has something to find."""
    y = torch.randint(CLASSES, (n,), generator=rng)
    x = 0.3 * torch.randn(n, 3, SIDE, SIDE, generator=rng)
    colours = torch.tensor([[2.0, -1, -1], [-1, 2, -1], [-1, -1, 2], [2, 2, 2]])
    for image, label in zip(x, y, strict=True):
        top, left = torch.randint(SIDE - 8, (2,), generator=rng).tolist()
        image[:, top : top + 8, left : left + 8] += colours[label][:, None, None]
    return x, y


@pytest.mark.parametrize("preset", ["paper", "released_imagenet"])
def test_masks_follow_lambda_and_are_not_flat(preset):
    torch.manual_seed(0)
    steps = 120
    spec = automix_spec(preset, momentum=0.9)
    net = Net(tiny_resnet((8, 16, 32, 32), CLASSES))
    objective = AutoMix(net, Features("layer3", 32), spec, steps=steps).train()
    groups = objective.groups()
    optim = torch.optim.SGD(
        [{"params": groups["net"], "lr": 0.05}, {"params": groups["block"], "lr": 0.5}],
        momentum=0.9,
    )
    data = generator(0, "data")
    for i in range(steps):
        x, y = patches(32, data)
        optim.zero_grad()
        objective(x, y, generator(0, "mix", i)).loss.backward()
        optim.step()
        objective.after_step(i)

    x, _ = patches(64, data)
    lam = torch.linspace(0.05, 0.95, 64)
    with torch.no_grad():
        masks = objective.block(objective.look(x), torch.arange(64).roll(1), lam, (SIDE, SIDE))
    share = masks.mean((1, 2))
    assert torch.corrcoef(torch.stack([share, lam]))[0, 1] > 0.8
    assert masks.std((1, 2)).mean() > 0.02
