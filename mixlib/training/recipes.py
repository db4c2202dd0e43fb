"""How is a network trained?  Catalog of recipes: the papers' settings, one row each.  Imports no
torch.

Source: AutoMix section 4 and Table 12 (Liu et al., ECCV 2022), where a row does not say otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mixlib.core.catalog import nearest


@dataclass(frozen=True)
class Recipe:
    """Settings of a classifier's training.

    Attributes:
        optimizer: "sgd", "adamw" or "lamb" (timm's).
        lr, min_lr, warmup_epochs, schedule_by: a cosine from lr to min_lr, stepped by "epoch" or
        "step". block_lr, block_min_lr: learning rate of AutoMix's Mix Block (None: as the network).
        batch: samples per step over all devices.
        augment: name of the augmentation (``mixlib.data.augment_batch``).
        loss: "ce" (cross-entropy) or "bce" (one sigmoid per class, targets of both classes 1).
        decay_all: weight decay on biases and norm layers too (the ResNet recipes), or on weights
            only.
        precision: Lightning Fabric's word, "32-true" or "bf16-mixed".
    """

    name: str
    source: str
    optimizer: str = "sgd"
    lr: float = 0.1
    min_lr: float = 0.0
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 1e-4
    decay_all: bool = True
    warmup_epochs: int = 0
    schedule_by: str = "epoch"
    block_lr: float | None = None
    block_min_lr: float | None = None
    batch: int = 100
    epochs: int = 200
    augment: str = "cifar"
    loss: str = "ce"
    smoothing: float = 0.0
    grad_clip: float | None = None
    weight_ema: float | None = None
    precision: str = "32-true"
    channels_last: bool = True
    revision: int = 1


_T12 = "AutoMix Table 12"
_DEIT: dict[str, Any] = {"optimizer": "adamw", "lr": 1e-3, "weight_decay": 0.05, "decay_all": False}
_RSB: dict[str, Any] = {
    "optimizer": "lamb",
    "weight_decay": 0.02,
    "decay_all": False,
    "batch": 2048,
    "loss": "bce",
}

RECIPES: dict[str, Recipe] = {
    row.name: row
    for row in (
        Recipe("cifar", "AutoMix 4.1", epochs=800, augment="cifar", block_lr=0.1, block_min_lr=0.0),
        # Park et al. (MSDA, NeurIPS 2022) print no recipe; common settings of CIFAR networks
        Recipe(
            "cifar_300",
            "our choice",
            nesterov=True,
            weight_decay=5e-4,
            batch=128,
            epochs=300,
            augment="cifar",
        ),
        Recipe(
            "tiny",
            "AutoMix 4.1",
            lr=0.2,
            epochs=400,
            augment="tiny",
            block_lr=0.1,
            block_min_lr=1e-3,
        ),
        Recipe(
            "imagenet_pytorch",
            f"{_T12}, PyTorch",
            batch=256,
            epochs=100,
            augment="imagenet",
            block_lr=0.1,
            block_min_lr=1e-3,
        ),
        Recipe(
            "imagenet_deit",
            f"{_T12}, DeiT",
            **_DEIT,
            batch=1024,
            epochs=300,
            warmup_epochs=5,
            schedule_by="step",
            augment="deit",
            smoothing=0.1,
            grad_clip=1.0,
            weight_ema=0.99996,
            block_lr=1e-3,
            block_min_lr=1e-4,
        ),
        Recipe(
            "imagenet_rsb_a2",
            f"{_T12}, RSB A2",
            **_RSB,
            lr=5e-3,
            epochs=300,
            warmup_epochs=5,
            schedule_by="step",
            augment="rsb_a2",
            precision="bf16-mixed",
            block_lr=5e-3,
        ),
        Recipe(
            "imagenet_rsb_a3",
            f"{_T12}, RSB A3",
            **_RSB,
            lr=8e-3,
            epochs=100,
            warmup_epochs=5,
            schedule_by="step",
            augment="rsb_a3",
            precision="bf16-mixed",
            block_lr=8e-3,
        ),
        Recipe(
            "fine",
            "AutoMix 4.2, fine-grained transfer",
            lr=1e-3,
            weight_decay=5e-4,
            batch=16,
            epochs=200,
            augment="fine",
            block_lr=1e-2,
            block_min_lr=5e-4,
        ),
    )
}


def recipe(name: str) -> Recipe:
    """The row of a name, or a KeyError that names the nearest one."""
    if name not in RECIPES:
        raise KeyError(nearest("recipe", name, RECIPES))
    return RECIPES[name]
