"""The cost of an AutoMix step: time, operations and memory against vanilla and Mixup.

CIFAR ResNet-18 (3x3 stem, no pooling, 11.2 M parameters) on random 32 x 32 images: no data loader,
so the ratios are those of the algorithm.  All methods alternate in one process, two steps at a time
(``lean`` trains its block at every other step), in a new order each round; the ratio is the median
over rounds of the ratio within a round, so that a busy machine slows both sides of it, and its
quartiles over rounds say how far it can be trusted.  Beside it stands the ratio of the fastest
rounds, and operations are counted, because on a machine that others use all times scatter.
On the CPU the clock is the process's own CPU time, on a GPU wall time between synchronizations.
"""

from __future__ import annotations

import json
import platform
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import torch
import typer
from torch import nn
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import resnet18

from mixlib.core.net import Net
from mixlib.core.objective import MixOnce, Objective
from mixlib.methods.automix import PRESETS, AutoMix, Features
from mixlib.methods.mixup import mixup
from mixlib.methods.vanilla import vanilla
from mixlib.seed import generator

METHODS = ("vanilla", "mixup", *PRESETS)
STEPS_PER_ROUND = 2
SIZE = 32


@dataclass(frozen=True)
class Setting:
    """Where and how steps run."""

    device: str
    batch: int
    bf16: bool
    channels_last: bool
    compiled: bool


@dataclass
class Cost:
    """What one method costs per step, and its ratio to vanilla: median and quartiles over
    rounds, and that of the fastest rounds."""

    seconds: float
    ratio: float
    quartiles: tuple[float, float]
    fastest: float
    rounds: list[float]
    gflop: float
    flop_ratio: float
    peak_mib: float


def cifar_resnet18(classes: int = 100) -> nn.Module:
    """ResNet-18 with the CIFAR stem."""
    model = resnet18(num_classes=classes)
    model.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
    model.maxpool = nn.Identity()
    return model


def build(method: str, setting: Setting) -> Objective:
    """The objective of one method, on its device."""
    model = cifar_resnet18()
    if setting.channels_last:
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    net = Net(model)
    objective: Objective
    if method in PRESETS:
        objective = AutoMix(net, Features("layer3", 256), PRESETS[method].spec, steps=1000)
        parts = [objective.pair.q.model, objective.pair.k.model]
    else:
        objective = MixOnce(net, mixup() if method == "mixup" else vanilla())
        parts = [net.model]
    objective.to(setting.device).train()
    if setting.compiled:
        for part in parts:
            part.compile()
    return objective


def stepper(objective: Objective, setting: Setting) -> Callable[[], None]:
    """A whole training step: forward, backward, optimizer, moving average."""
    data = generator(0, "benchmark")
    x = torch.randn(setting.batch, 3, SIZE, SIZE, generator=data).to(setting.device)
    y = torch.randint(100, (setting.batch,), generator=data).to(setting.device)
    if setting.channels_last:
        x = x.to(memory_format=torch.channels_last)
    rng = generator(0, "mix")
    optim = torch.optim.SGD(
        [{"params": group} for group in objective.groups().values()],
        lr=1e-3,
        momentum=0.9,
        weight_decay=1e-4,
    )
    done = 0

    def step() -> None:
        nonlocal done
        with torch.autocast(setting.device, torch.bfloat16, enabled=setting.bf16):
            loss = objective(x, y, rng).loss
        optim.zero_grad(set_to_none=True)
        loss.backward()
        optim.step()
        objective.update_teacher(done)
        done += 1

    return step


def clock(device: str) -> float:
    """Seconds: CPU time of this process, or wall time once the GPU has finished."""
    if device == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def flops(step: Callable[[], None]) -> float:
    """Operations of a step (multiply and add count as two), mean over a round."""
    with FlopCounterMode(display=False) as counter:
        for _ in range(STEPS_PER_ROUND):
            step()
    return counter.get_total_flops() / STEPS_PER_ROUND


def peak_bytes(step: Callable[[], None], device: str) -> int:
    """Most memory that a step holds on top of what is there before it."""
    if device != "cpu":
        torch.cuda.synchronize()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        for _ in range(STEPS_PER_ROUND):
            step()
        return torch.cuda.max_memory_allocated() - before
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as trace:
        for _ in range(STEPS_PER_ROUND):
            step()
    held = peak = 0
    events = trace.profiler.kineto_results.events()
    for event in sorted(events, key=lambda event: event.start_ns()):
        if event.name() == "[memory]":
            held += event.nbytes()
            peak = max(peak, held)
    return peak


def quartiles(values: list[float]) -> tuple[float, float]:
    """The first and the third; of one value, the value itself."""
    if len(values) == 1:
        return values[0], values[0]
    first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    return first, third


def measure(setting: Setting, methods: list[str], rounds: int) -> dict[str, Cost]:
    """Costs by method; the first method is what the others are compared with."""
    steps = {method: stepper(build(method, setting), setting) for method in methods}
    operations = {method: flops(step) for method, step in steps.items()}  # warms up as well
    if setting.device == "cpu" and setting.compiled:
        for step in steps.values():
            step()
    times: dict[str, list[float]] = {method: [] for method in methods}
    shuffled = random.Random(0)
    for done in range(rounds):
        # minutes on a CPU: say how far it is
        typer.echo(f"round {done + 1} of {rounds}", err=True)
        for method in shuffled.sample(methods, len(methods)):
            before = clock(setting.device)
            for _ in range(STEPS_PER_ROUND):
                steps[method]()
            times[method].append((clock(setting.device) - before) / STEPS_PER_ROUND)
    base = methods[0]
    costs = {}
    for method in methods:
        ratios = [own / ref for own, ref in zip(times[method], times[base], strict=True)]
        costs[method] = Cost(
            seconds=statistics.median(times[method]),
            ratio=statistics.median(ratios),
            quartiles=quartiles(ratios),
            fastest=min(times[method]) / min(times[base]),
            rounds=times[method],
            gflop=operations[method] / 1e9,
            flop_ratio=operations[method] / operations[base],
            peak_mib=peak_bytes(steps[method], setting.device) / 2**20,
        )
    return costs


def waits(setting: Setting, method: str) -> None:
    """Raises where a step makes the host wait for the GPU.

    Raises:
        RuntimeError: by PyTorch, at the first synchronizing call.
    """
    step = stepper(build(method, setting), setting)
    step()
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        step()
    finally:
        torch.cuda.set_sync_debug_mode("default")


def table(costs: dict[str, Cost], setting: Setting, rounds: int) -> str:
    """Markdown."""
    machine = platform.processor() or platform.machine()
    if setting.device != "cpu":
        machine = torch.cuda.get_device_name()
    lines = [
        f"CIFAR ResNet-18, {SIZE} px, batch {setting.batch}, n = {rounds} rounds of "
        f"{STEPS_PER_ROUND} steps; {machine}, {torch.get_num_threads()} thread(s), "
        f"torch {torch.__version__}; {setting}",
        "",
        "| method | s/step | images/s | time / vanilla (quartiles) | fastest / fastest "
        "| GFLOP | FLOP / vanilla | peak MiB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {method} | {c.seconds:.4f} | {setting.batch / c.seconds:.0f} "
        f"| {c.ratio:.3f} ({c.quartiles[0]:.2f} to {c.quartiles[1]:.2f}) "
        f"| {c.fastest:.3f} | {c.gflop:.1f} | {c.flop_ratio:.3f} | {c.peak_mib:.0f} |"
        for method, c in costs.items()
    ]
    return "\n".join(lines)


def main(
    batch: Annotated[int, typer.Option(help="Images per step.")] = 100,
    rounds: Annotated[int, typer.Option(help="Measured rounds.")] = 7,
    methods: Annotated[
        str, typer.Option(help="Comma-separated; the first is the base.")
    ] = ",".join(METHODS),
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 1,
    bf16: Annotated[bool, typer.Option(help="bfloat16 autocast.")] = False,
    channels_last: Annotated[
        bool,
        typer.Option(
            "--channels-last/--contiguous", help="Memory format; training's own is the first."
        ),
    ] = True,
    compiled: Annotated[bool, typer.Option(help="torch.compile each network.")] = False,
    check_waits: Annotated[
        bool, typer.Option(help="GPU: fail if a step makes the host wait.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Also write the numbers as JSON.")] = None,
) -> None:
    """Measures one training step of every method."""
    torch.set_num_threads(threads)
    setting = Setting(device, batch, bf16, channels_last, compiled)
    chosen = methods.split(",")
    unknown = sorted(set(chosen) - set(METHODS))
    if unknown:
        raise typer.BadParameter(f"unknown methods {unknown}; known: {', '.join(METHODS)}")
    if check_waits:
        if device == "cpu":
            raise typer.BadParameter("--check-waits needs --device cuda")
        for method in chosen:
            waits(setting, method)
    costs = measure(setting, chosen, rounds)
    typer.echo(table(costs, setting, rounds))
    if out:
        record = {
            "setting": asdict(setting),
            "rounds": rounds,
            "torch": torch.__version__,
            "costs": {method: asdict(cost) for method, cost in costs.items()},
        }
        out.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    typer.run(main)
