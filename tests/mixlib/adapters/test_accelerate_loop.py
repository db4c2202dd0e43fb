"""A loop of accelerate with an objective, where accelerate is installed."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

import mixlib
from mixlib.adapters.accelerate_loop import training_step
from tests.mixlib.adapters.test_transformers_trainer import Squares, network

accelerate = pytest.importorskip("accelerate")


@pytest.mark.parametrize("name", ["cutmix", "automix"])
def test_accumulated_batches_are_one_step(name):
    accelerator = accelerate.Accelerator(cpu=True, gradient_accumulation_steps=2)
    words = {"automix": {"site": "3"}}.get(name, {})
    objective = mixlib.objective(name, network(), steps=3, **words)
    before = [p.detach().clone() for p in objective.groups()["net"]]
    trained = [p for p in objective.parameters() if p.requires_grad]
    objective, optimizer, loader = accelerator.prepare(
        objective, torch.optim.SGD(trained, lr=0.1), DataLoader(Squares(), 4)
    )
    for batch in loader:
        assert training_step(accelerator, objective, optimizer, batch, clip=1.0).loss.isfinite()
    inner = accelerator.unwrap_model(objective)
    assert inner.draws.step == len(Squares()) // 4 // 2
    after = inner.groups()["net"]
    assert any(not torch.equal(a, b) for a, b in zip(before, after, strict=True))
    with pytest.raises(TypeError, match=r"mixlib\.objective"):
        training_step(accelerator, nn.Linear(2, 2), optimizer, None)
