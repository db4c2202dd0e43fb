"""The speed of mixing, against public libraries and against what the memory allows.

    python -m benchmarks.mixing

All contenders alternate in one process with one thread; times are medians of the process's CPU
time.  The floor is what any mix of pairs must move, two reads and one write of the batch, measured
as torch.add(x, y, out=z) in the same rounds.  Peers that are not installed are left out
(``uv sync --all-extras --group benchmarks``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import numpy as np
import torch
import typer
from rich.console import Console
from rich.table import Table
from torch import nn

import mixlib
from benchmarks.clock import Call, alternate
from benchmarks.peers import CLASSES, GROUPS, peers
from benchmarks.rivals import fmix_mask, sinkhorn_align
from mixlib.catalog.methods import method
from mixlib.core.lam import Beta
from mixlib.methods.alignmix import aligned, distances, transport_plan
from mixlib.methods.fmix import FMix
from mixlib.seed import generator

SHAPES = {"32 px": (100, 3, 32, 32), "224 px": (32, 3, 224, 224)}
OURS = "mixlib"
SOFT = "mixlib, soft labels too"
FLOOR = "floor: 3 N bytes"
MIXERS = {
    "Mixup, one lambda per batch": ("mixup", "batch"),
    "Mixup, one lambda per sample": ("mixup", "sample"),
    "CutMix, one box per batch": ("cutmix", "batch"),
    "CutMix, one box per sample": ("cutmix", "sample"),
}


@dataclass(frozen=True)
class Report:
    """One comparison.

    Attributes:
        title: what is compared.
        seconds: median CPU time per call by contender.
        base: the contender that ratios are of.
        floor: the one that distances are to, or None.
    """

    title: str
    seconds: dict[str, float]
    base: str = OURS
    floor: str | None = None

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Contender, time, time over the base's, time over the floor's."""
        base = self.seconds[self.base]
        floor = None if self.floor is None else self.seconds[self.floor]
        return [
            (
                name,
                f"{1e3 * seconds:.3f}",
                f"{seconds / base:.3g}",
                "" if floor is None else f"{seconds / floor:.2f}",
            )
            for name, seconds in self.seconds.items()
        ]


def mixing(group: str, shape: tuple[int, ...], rounds: int) -> Report:
    """Ours, the group's peers and the floor on one batch."""
    data = generator(0, "benchmark", "mixing")
    x, other = (torch.randn(shape, generator=data) for _ in range(2))
    y = torch.randint(CLASSES, (shape[0],), generator=data)
    out, rng = torch.empty_like(x), generator(0, "mix")
    name, scope = MIXERS[group]
    mixer = mixlib.build(name, alpha=1.0, scope=scope)
    calls: dict[str, Call] = {
        OURS: lambda: mixer(x, y, rng),
        SOFT: lambda: mixer(x, y, rng).targets(CLASSES),
        **peers(group, x, y),
        FLOOR: lambda: torch.add(x, other, out=out),
    }
    size = " x ".join(map(str, shape))
    return Report(f"{group}, {size}", alternate(calls, rounds), floor=FLOOR)


def fmix(shape: tuple[int, ...], rounds: int) -> Report:
    """Masks alone, as many as the batch has samples."""
    count, size = shape[0], (shape[2], shape[3])
    rng, draws = generator(0, "fmix"), np.random.default_rng(0)
    law, lam = FMix(), Beta(1.0)

    def released() -> None:
        for _ in range(count):
            fmix_mask(draws.beta(1.0, 1.0), size, draws)

    calls: dict[str, Call] = {
        OURS: lambda: law.draw(lam.sample(count, rng), size, rng),
        "the release's algorithm (rewritten), mask by mask": released,
    }
    return Report(f"FMix, {count} masks of {size[0]} x {size[1]}", alternate(calls, rounds))


def align(shape: tuple[int, ...], rounds: int) -> Report:
    """Transport plan and aligned map of last features, 512 x 4 x 4 (CIFAR) or 2048 x 7 x 7."""
    features = (512, 4, 4) if shape[2] == 32 else (2048, 7, 7)
    data = generator(0, "benchmark", "align")
    # distances of order one, as of normalized features: the plan then takes 10 to 30 iterations
    a, b = (torch.rand(shape[0], *features, generator=data) for _ in range(2))
    a, b = (x / x.flatten(2).norm(dim=1).mean() for x in (a, b))
    calls: dict[str, Call] = {
        OURS: lambda: aligned(transport_plan(distances(a.flatten(2), b.flatten(2))), b),
        "the release's algorithm (rewritten)": lambda: sinkhorn_align(a, b),
    }
    size = " x ".join(map(str, (shape[0], *features)))
    return Report(f"AlignMix, Sinkhorn and alignment, {size}", alternate(calls, rounds))


def resnet18(side: int) -> nn.Module:
    """ResNet-18; with CIFAR's stem for small images."""
    from torchvision.models import resnet18 as full

    model = full(num_classes=CLASSES)
    if side <= 64:
        model.conv1, model.maxpool = nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.Identity()
    return model


def puzzle(shape: tuple[int, ...], rounds: int) -> Report:
    """PuzzleMix with transport, saliency given, beside one training step's forward and backward."""
    data = generator(0, "benchmark", "puzzle")
    x = torch.randn(shape, generator=data)
    y = torch.randint(CLASSES, (shape[0],), generator=data)
    # smooth, as the gradients of a network are
    rough = torch.rand(shape[0], 1, shape[2] // 4, shape[3] // 4, generator=data)
    saliency = nn.functional.interpolate(rough, shape[2:], mode="bilinear")[:, 0]
    block, family = (4, "cifar") if shape[2] == 32 else (16, "imagenet")
    policy = method("puzzlemix").make(family, changes={"blocks": (block,)})
    model, rng = resnet18(shape[2]), generator(0, "mix")

    def step() -> None:
        model.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()

    calls: dict[str, Call] = {
        "ResNet-18 forward and backward": step,
        OURS: lambda: mixlib.blend(policy.arrange(x, saliency, rng), x),
    }
    seconds = alternate(calls, max(rounds // 5, 3))
    title = f"PuzzleMix with transport, saliency given, block {block}, {shape[0]} x {shape[2]} px"
    return Report(title, seconds, base="ResNet-18 forward and backward")


def comparisons(shape: tuple[int, ...], rounds: int) -> dict[str, Callable[[], Report]]:
    """Every comparison at one size, not yet run."""
    found: dict[str, Callable[[], Report]] = {
        group: partial(mixing, group, shape, rounds) for group in GROUPS
    }
    others = {"FMix": fmix, "AlignMix": align, "PuzzleMix": puzzle}
    return found | {title: partial(run, shape, rounds) for title, run in others.items()}


def markdown(report: Report) -> str:
    """A table for the documentation."""
    head = [f"**{report.title}**", "", f"| | ms | / {report.base} | / floor |", "|---|---|---|---|"]
    return "\n".join([*head, *(f"| {' | '.join(row)} |" for row in report.rows()), ""])


def show(report: Report, console: Console) -> None:
    """A table for a terminal."""
    table = Table(title=report.title, title_justify="left")
    table.add_column("")
    for head in ("ms", f"/ {report.base}", "/ floor"):
        table.add_column(head, justify="right")
    for row in report.rows():
        table.add_row(*row)
    console.print(table)


def main(
    rounds: Annotated[int, typer.Option(help="Measured rounds; medians are over them.")] = 41,
    size: Annotated[str, typer.Option(help=f"One of {', '.join(SHAPES)}, or all.")] = "all",
    only: Annotated[str, typer.Option(help="Comparisons whose title contains this word.")] = "",
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
) -> None:
    """Times ours and every installed peer in one process, one thread, alternating."""
    if size != "all" and size not in SHAPES:
        raise typer.BadParameter(f"no size {size!r}; known: {', '.join(SHAPES)}, all")
    torch.set_num_threads(1)
    console = Console()
    chosen = SHAPES.values() if size == "all" else [SHAPES[size]]
    for shape in chosen:
        for title, run in comparisons(shape, rounds).items():
            if only.lower() not in title.lower():
                continue
            report = run()
            if as_markdown:
                print(markdown(report))
            else:
                show(report, console)
    print(f"n = {rounds} rounds, CPU time, 1 thread, torch {torch.__version__}")


if __name__ == "__main__":
    typer.run(main)
