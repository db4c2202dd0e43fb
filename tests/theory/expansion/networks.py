"""A small smooth network, and networks trained with masks that look at pairs."""

from __future__ import annotations

from functools import cache

import torch
from torch.nn import functional as F

from mixlib.core.net import Net
from mixlib.core.objective import MixOnce
from mixlib.methods.automix import AutoMixSpec, automix
from mixlib.methods.puzzlemix.policy import puzzlemix
from mixlib.seed import generator
from theory.expansion.displacements import by_objective
from theory.networks import blobs, convolutional, train_objective


def small(classes: int = 3, size: int = 4, m: int = 6):
    """(model, images [m, 1, size, size], one-hot labels), all in float64."""
    rng = torch.Generator().manual_seed(3)
    x = torch.randn(m, 1, size, size, generator=rng, dtype=torch.float64)
    y = F.one_hot(torch.arange(m) % classes, classes).double()
    weights = [torch.randn(8, size**2, generator=rng), torch.randn(classes, 8, generator=rng)]
    first, second = (0.4 * w.double() for w in weights)

    def model(images):
        return F.softplus(images.flatten(1) @ first.T) @ second.T

    return model, x, y


@cache
def trained_masks(method: str):
    """(trained net in float64, images, labels, displacements) of a method that looks at pairs."""
    x, labels = blobs(12, 8, 3, channels=3)
    if method == "automix":
        objective = automix(Net(convolutional(3), {"stage3": "1"}), AutoMixSpec(image=8), steps=60)
    else:
        net = Net(convolutional(3))
        objective = MixOnce(net, puzzlemix(std=(1.0,) * 3, blocks=(4,), cell=2))
    before = [p.detach().clone() for p in objective.groups().get("block", [])]
    train_objective(objective, x.float(), labels, 60)
    after = [p.detach() for p in objective.groups().get("block", [])]
    changes = [float((new - old).abs().max()) for new, old in zip(after, before, strict=True)]
    # the block was trained, too
    assert min(changes, default=1.0) > 1e-3
    assert bool(changes) == (method == "automix")
    displaced = by_objective(objective, x, labels, 12, 40, generator(0, method))
    return objective.predictor().double().requires_grad_(False), x, labels, displaced
