"""Training steps on a GPU in images a second, beside a plain loop with timm's Mixup.

    python -m benchmarks.gpu_steps                     a ResNet-50 at 224 pixels
    python -m benchmarks.gpu_steps --device cpu --network resnet10_w16 --batch 8 --size 32

Both do forward, backward and SGD of the same network on images that are on the device already, with
soft or two-hot cross-entropy.  Contenders alternate, in a new order each round; a time is the
median over rounds of wall seconds between synchronizations (CPU seconds on the CPU).  ``mixing``
is what the mixed batch alone takes.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable
from functools import partial
from typing import Annotated

import torch
import typer
from timm.data.mixup import Mixup
from torch import nn

import mixlib
from benchmarks.automix_step import clock
from mixlib.catalog import build as builder
from mixlib.models import backbones
from mixlib.seed import generator
from mixlib.training.recipes import recipe

OURS = ("vanilla", "mixup", "cutmix")
THEIRS = {
    "timm mixup": {"mixup_alpha": 1.0},
    "timm cutmix": {"mixup_alpha": 0.0, "cutmix_alpha": 1.0},
}
CLASSES = 1000
Step = Callable[[], object]


def ours(method: str, network: str, x: torch.Tensor, y: torch.Tensor, bf16: bool) -> Step:
    """A step of the training loop's parts."""
    params = {} if method == "vanilla" else {"alpha": 1.0}
    net = builder.net(network, CLASSES, 0)
    chosen = recipe("imagenet_pytorch")
    objective = builder.objective(method, net, params, chosen, steps=1000, seed=0)
    objective.to(x.device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    sgd = torch.optim.SGD(objective.parameters(), 1e-3, 0.9, foreach=True)
    rng = generator(0, "mix")

    def step() -> None:
        with torch.autocast(x.device.type, torch.bfloat16, enabled=bf16):
            loss = objective(x, y, rng).loss
        sgd.zero_grad(set_to_none=True)
        loss.backward()
        sgd.step()

    return step


def theirs(name: str, network: str, x: torch.Tensor, y: torch.Tensor, bf16: bool) -> Step:
    """The same with timm's mixing and soft labels."""
    mix = Mixup(**THEIRS[name], num_classes=CLASSES, label_smoothing=0.0)  # type: ignore[arg-type]
    model: nn.Module = backbones.build(network, CLASSES, 0)
    model.to(x.device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    sgd = torch.optim.SGD(model.parameters(), 1e-3, 0.9, foreach=True)

    def step() -> None:
        # it mixes in place
        mixed, soft = mix(x.clone(), y)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=bf16):
            loss = nn.functional.cross_entropy(model(mixed), soft)
        sgd.zero_grad(set_to_none=True)
        loss.backward()
        sgd.step()

    return step


def _mix_copy(mix: Mixup, x: torch.Tensor, y: torch.Tensor) -> object:
    """timm mixes in place: the batch is copied first."""
    return mix(x.clone(), y)


def mixing(x: torch.Tensor, y: torch.Tensor) -> dict[str, Step]:
    """Mixing alone."""
    rng = generator(0, "mix")
    calls: dict[str, Step] = {}
    for method in OURS[1:]:
        mixer = mixlib.build(method, alpha=1.0)
        calls[f"{method}, mixing"] = partial(mixer, x, y, rng)
    for name, given in THEIRS.items():
        mix = Mixup(**given, num_classes=CLASSES, label_smoothing=0.0)  # type: ignore[arg-type]
        calls[f"{name}, mixing"] = partial(_mix_copy, mix, x, y)
    return calls


def alternate(calls: dict[str, Step], rounds: int, each: int, device: str) -> dict[str, float]:
    """Median seconds a call."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    shuffled = random.Random(0)
    for call in calls.values():
        call()
    for _ in range(rounds):
        for name in shuffled.sample(list(calls), len(calls)):
            began = clock(device)
            for _ in range(each):
                calls[name]()
            times[name].append((clock(device) - began) / each)
    return {name: statistics.median(seconds) for name, seconds in times.items()}


def main(
    network: Annotated[str, typer.Option(help="a backbone of the catalog")] = "resnet50",
    batch: Annotated[int, typer.Option(help="images per step")] = 64,
    size: Annotated[int, typer.Option(help="pixels")] = 224,
    rounds: Annotated[int, typer.Option(help="measured rounds")] = 5,
    each: Annotated[int, typer.Option(help="steps a round")] = 5,
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "cuda",
    bf16: Annotated[bool, typer.Option(help="bfloat16 autocast")] = False,
) -> None:
    """Measures steps and mixing."""
    data = generator(0, "benchmark")
    x = torch.randn(batch, 3, size, size, generator=data).to(device)
    x = x.contiguous(memory_format=torch.channels_last)
    y = torch.randint(CLASSES, (batch,), generator=data).to(device)
    calls = {name: ours(name, network, x, y, bf16) for name in OURS}
    calls |= {name: theirs(name, network, x, y, bf16) for name in THEIRS}
    calls |= mixing(x, y)
    name = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    print(f"{network}, {size} px, batch {batch}, {'bf16' if bf16 else 'fp32'}, {name}\n")
    print("| | ms | images/s |\n|---|---|---|")
    for what, seconds in alternate(calls, rounds, each, device).items():
        print(f"| {what} | {1e3 * seconds:.2f} | {batch / seconds:,.0f} |")


if __name__ == "__main__":
    typer.run(main)
