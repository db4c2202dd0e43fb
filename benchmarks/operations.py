"""Operations of a training step of every method, as a ratio to a vanilla step.

``python -m benchmarks.operations``, about two minutes on one core.  Counted are convolutions and
matrix products, forward and backward, of the objective that a training would run, without the
optimizer; an addition and a multiplication are two.  Masks, boxes, sorting and transport are
neither; their times are in :mod:`benchmarks.mixing`.  A count has no noise; it depends on draws
only where a method stops when it is done (SuperMix).
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import torch
import typer
from torch import nn
from torchvision.models import resnet18

from mixlib.catalog import build as builder
from mixlib.catalog.methods import METHODS, method
from mixlib.core.method import Method, resolve
from mixlib.core.net import Net
from mixlib.counting.operations import operations
from mixlib.seed import generator
from mixlib.training.recipes import recipe

SIZE, CLASSES, BATCH = 32, 10, 8
STAGES = {f"stage{k}": f"layer{k}" for k in range(1, 5)}


def convolutional() -> Net:
    """CIFAR's ResNet-18: 3 x 3 stem, no pooling."""
    model = resnet18(num_classes=CLASSES)
    model.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
    model.maxpool = nn.Identity()  # type: ignore[assignment]
    return Net(model, STAGES)


def transformer() -> Net:
    """For methods that read attention or label tokens: 12 blocks of width 192, 8 x 8 patches.

    Its attention is computed step by step: torch has no formula for the CPU's fused kernel.
    """
    from timm.models.vision_transformer import Attention, VisionTransformer

    model = VisionTransformer(
        img_size=SIZE, patch_size=4, embed_dim=192, depth=12, num_heads=3, num_classes=CLASSES
    )
    for part in model.modules():
        if isinstance(part, Attention):
            part.fused_attn = False  # type: ignore[misc]  # Final for the scripting compiler only
    return Net(model, {"last": "norm"}, layout="tokens")


def network(row: Method) -> Net:
    """The network that a method is counted on, the same weights every time."""
    labels_tokens = row.objective != "once" and "teacher" in row.needs
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        if labels_tokens or "attention" in row.needs:
            return transformer()
        return convolutional()


def of(name: str, words: dict[str, Any] | None = None, network_of: str | None = None) -> int:
    """Operations of one step of a method with CIFAR's parameters.

    Args:
        name: a row of the catalog.
        words: changes of its parameters.
        network_of: count it on the network of this other method.
    """
    row = method(name)
    known = inspect.signature(resolve(row.path())).parameters
    given = {**row.params_for("cifar"), **({"image": SIZE} if row.settings else {})}
    if "teacher" in row.needs and "teacher" in known:
        given["teacher"] = convolutional().model
    net = network(method(network_of or name))
    objective = builder.objective(
        name, net, {**given, **(words or {})}, recipe("cifar"), steps=10, seed=0
    )
    rng = generator(0, "operations")
    x = torch.randn(BATCH, 3, SIZE, SIZE, generator=rng)
    y = torch.arange(BATCH) % CLASSES
    objective.train()

    def step() -> None:
        objective(x, y, rng).loss.backward()

    return operations(step)


def ratio(name: str, words: dict[str, Any] | None = None) -> float:
    """A method's step over a vanilla step of the same network."""
    return of(name, words) / of("vanilla", network_of=name)


def lines(names: Sequence[str]) -> Iterator[str]:
    """Ratios as a Markdown table, line by line."""
    yield "| word | operations / vanilla |"
    yield "|---|---|"
    for name in names:
        yield f"| `{name}` | {ratio(name):.3f} |"


def main(
    methods: Annotated[str, typer.Option(help="comma-separated; empty: all")] = "",
) -> None:
    """Prints operations per step, as ratios to a vanilla step."""
    torch.set_num_threads(1)
    for line in lines([name for name in methods.split(",") if name] or list(METHODS)):
        typer.echo(line)


if __name__ == "__main__":
    typer.run(main)
