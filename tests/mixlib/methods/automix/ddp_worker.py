"""One of the processes of the DDP test; run as ``python -m``, outside pytest.

Arguments: rank, world size, file of the rendezvous, preset, file for the results.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from mixlib.core.net import Net
from mixlib.core.objective import Objective, Step
from mixlib.methods.automix import PRESETS, AutoMix, Features
from mixlib.methods.automix.draws import Draw

BATCH, STEPS = 8, 3


class TinyNet(nn.Module):
    """A classifier without batch statistics, whose gradient is a mean over samples."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.GroupNorm(2, 8), nn.ReLU())
        self.last = nn.Sequential(nn.Conv2d(8, 8, 3, 2, 1), nn.GroupNorm(2, 8), nn.ReLU())
        self.fc = nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.last(self.stem(x)).mean((2, 3)))


class Given(Objective):
    """AutoMix with partners inside each process's half, so that halves and whole see one mix."""

    def __init__(self, inner: AutoMix) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: torch.Tensor, y: torch.Tensor, rng: torch.Generator) -> Step:
        half = BATCH // 2
        within = torch.arange(half).roll(1)
        partner = torch.cat([start + within for start in range(0, len(x), half)])
        return self.inner.step(
            x, y, Draw(torch.tensor([0.8]), partner), Draw(torch.tensor([0.3]), partner)
        )

    def update_teacher(self, i: int) -> None:
        self.inner.update_teacher(i)

    def predictor(self) -> nn.Module:
        return self.inner.predictor()


def train(rank: int, world: int, preset: str) -> dict[str, object]:
    """A few steps; returns the losses of this process and the final state."""
    torch.manual_seed(0)
    objective = Given(
        AutoMix(Net(TinyNet()), Features("stem", 8), PRESETS[preset].spec, steps=STEPS)
    ).train()
    model = DistributedDataParallel(objective) if world > 1 else objective
    groups = objective.inner.groups()
    optim = torch.optim.SGD([p for g in groups.values() for p in g], lr=0.1, momentum=0.9)
    data = torch.Generator().manual_seed(1)
    losses = []
    for i in range(STEPS):
        x = torch.randn(BATCH, 3, 16, 16, generator=data)
        y = torch.randint(4, (BATCH,), generator=data)
        share = slice(rank * BATCH // world, (rank + 1) * BATCH // world)
        step = model(x[share], y[share], data)
        optim.zero_grad()
        step.loss.backward()
        optim.step()
        objective.update_teacher(i)
        losses.append(step.loss.detach())
    return {"losses": torch.stack(losses), "state": objective.state_dict()}


def main(rank: int, world: int, meet: str, preset: str, out: str) -> None:
    """Joins the others, trains, saves."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{meet}", rank=rank, world_size=world)
    torch.save(train(rank, world, preset), Path(out))
    dist.destroy_process_group()


if __name__ == "__main__":
    rank, world, meet, preset, out = sys.argv[1:]
    main(int(rank), int(world), meet, preset, out)
