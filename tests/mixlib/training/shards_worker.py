"""One of the processes of the tests of shards; run under torchrun, or called in the test's own.

Arguments: folder for the results, step at which every run stops with a checkpoint (0: never), names
of cases (none: all of the shards'). A checkpoint that lies in the folder is continued.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import torch
from lightning.fabric import Fabric
from lightning.fabric.plugins.environments import LightningEnvironment, TorchElasticEnvironment
from lightning.fabric.strategies import DDPStrategy

from mixlib.catalog import build as builder
from mixlib.data.augmentations import AUGMENTS
from mixlib.data.images import Images
from mixlib.data.loader import Loader
from mixlib.data.shapes.scenes import CLASS_NAMES, Shapes, render_split
from mixlib.training.checkpoint import Checkpoint, StoppedAtCheckpoint
from mixlib.training.fit import fit
from mixlib.training.recipes import Recipe

SHARDS, BATCH, STEPS = 4, 16, 3
RECIPE = Recipe(
    "test", "test", epochs=2, batch=BATCH, lr=0.05, block_lr=0.05, precision="64-true",
    shards=SHARDS, channels_last=False,
)  # fmt: skip
AUTOMIX = {"site": "stage2", "momentum": {"start": 0.9}, "image": 16}
CASES = {
    "vanilla": ("vanilla", {}, RECIPE, 1),
    "vanilla, clipped": ("vanilla", {}, replace(RECIPE, grad_clip=0.1), 1),
    "cutmix": ("cutmix", {}, RECIPE, 1),
    "cutmix, repeated": ("cutmix", {}, RECIPE, 3),
    "cutmix, averaged": ("cutmix", {}, replace(RECIPE, weight_ema=0.9), 1),
    "puzzlemix": ("puzzlemix", {"std": (0.2,) * 3, "blocks": (2,)}, RECIPE, 1),
    "automix paper": ("automix", {**AUTOMIX, "preset": "paper"}, RECIPE, 1),
    "automix lean, clipped": (
        *("automix", {**AUTOMIX, "preset": "lean", "skip": 0.5}, replace(RECIPE, grad_clip=0.1)),
        1,
    ),
}

# statistics of the whole batch: two shards on two processes, and one that has it all
WHOLE = {
    "global": ("vanilla", {}, replace(RECIPE, shards=2, batch_norm="global"), 1),
    "one": ("vanilla", {}, replace(RECIPE, shards=1), 1),
}


def fabric() -> Fabric:
    """This process of the group that torchrun started, or alone."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    made = Fabric(
        accelerator="cpu",
        devices=world,
        precision="64-true",
        strategy=DDPStrategy(forward_sync_buffers=False) if world > 1 else "auto",
        plugins=[TorchElasticEnvironment() if world > 1 else LightningEnvironment()],
    )
    made.launch()
    assert made.world_size == world
    return made


def train(name: str, device: Fabric, folder: Path, stop: int) -> None:
    """One case from its checkpoint to its end, or to the step at which it stops."""
    method, params, recipe, repeats = (CASES | WHOLE)[name]
    augment = replace(AUGMENTS["cifar"].resized(16), repeats=repeats)
    loaders = []
    for split, most in (("train", STEPS * BATCH), ("test", 10)):
        pixels, labels = render_split(Shapes(train=most, size=16), "train")
        loaders.append(
            Loader(
                Images(labels, CLASS_NAMES, pixels=pixels), augment, BATCH, 0, split == "train",
                mean=(0.5,) * 3, std=(0.2,) * 3,
                rank=device.global_rank, world=device.world_size, shards=recipe.shards,
            )
        )  # fmt: skip
    net = builder.net("resnet10_w16_cifar", len(CLASS_NAMES), seed=0)
    objective = builder.objective(method, net, params, recipe, steps=2 * STEPS, seed=0)
    done = [0]

    def report(phase: str, now: int, total: int, values: dict[str, float]) -> None:
        done[0] = now

    checkpoint = Checkpoint(
        folder / f"{name}.checkpoint", 0, device.is_global_zero, lambda: 0 < stop == done[0] + 1
    )
    try:
        history = fit(
            objective, *loaders, recipe, seed=0, fabric=device, checkpoint=checkpoint, report=report
        )
    except StoppedAtCheckpoint:
        return
    if device.is_global_zero:
        result = {"state": objective.state_dict(), "epochs": history.epochs}
        torch.save(result | {"images": history.images}, folder / f"{name}.pt")


def main(folder: Path, stop: int, names: tuple[str, ...] = tuple(CASES)) -> None:
    """Every case."""
    torch.set_num_threads(1)
    device = fabric()
    for name in names:
        train(name, device, folder, stop)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), tuple(sys.argv[3:]) or tuple(CASES))
