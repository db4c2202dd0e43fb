"""The catalog of training recipes: the papers' settings, one row each.  Imports no torch.

Source: AutoMix section 4 and Table 12 (Liu et al., ECCV 2022), where a row does not say otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mixlib.core.catalog import Catalog
from mixlib.core.method import Method

# a field that older results do not know: at its default it is no part of a digest
_LATER = {"later": True}


@dataclass(frozen=True)
class Recipe:
    """Settings of a classifier's training.

    Attributes:
        name: the word of declarations.
        source: where the settings are printed.
        optimizer: "sgd", "adamw" or "lamb" (timm's).
        lr: learning rate after the warm-up, where the cosine starts.
        min_lr: learning rate that the cosine ends at.
        momentum, nesterov: of SGD.
        weight_decay: of every group.
        decay_all: decay biases and norm layers too (the ResNet recipes), or weights only.
        warmup_epochs: epochs of linear warm-up.
        schedule_by: whether the learning rate changes by "epoch" or by "step".
        block_lr, block_min_lr: learning rates of AutoMix's Mix Block; None: the network's.
        batch: samples per step over all devices.
        shards: parts of a batch in which mixing partners and, with ``batch_norm`` "shard",
            normalization statistics live: the GPUs of the paper's training.  The number of GPUs in
            use is another matter, see :mod:`mixlib.training.shards`.
        batch_norm: whose statistics normalize: each "shard"'s, or those of the whole batch,
            "global" (SyncBN).
        epochs: length of the training.
        augment: name of the augmentation (``mixlib.data.augmentations``).
        loss: "ce" (cross-entropy), "bce" (one sigmoid per class, targets of both classes 1) or
            "bce_share" (the same with each class's label share for a target).
        smoothing: label smoothing.
        grad_clip: largest norm of the gradient; None: not clipped.
        weight_ema: momentum of a weight average to evaluate; None: none.
        compile: backend of torch.compile for the networks ("inductor"); None: as they are written.
            No paper's recipe asks for it.  Passes that read or mix inside a network run uncompiled
            all the same (:func:`mixlib.core.net.uncompiled`).
        precision: Lightning Fabric's name, "32-true" or "bf16-mixed".
        channels_last: memory format of network and images.
        drop_path: stochastic depth, the largest probability to leave a residual branch out.
        mix_prob: probability that a batch is mixed at all.
        mix_until: epochs after which no more is mixed; None: to the end.
        revision: raised by hand whenever the numbers change.

    Example:
        >>> RECIPES["cifar"].epochs
        800
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
    compile: str | None = field(default=None, metadata=_LATER)
    shards: int = field(default=1, metadata=_LATER)
    batch_norm: str = field(default="shard", metadata=_LATER)
    drop_path: float = field(default=0.0, metadata=_LATER)
    mix_prob: float = field(default=1.0, metadata=_LATER)
    mix_until: int | None = field(default=None, metadata=_LATER)


_T12 = "AutoMix Table 12"
_DEIT: dict[str, Any] = {"optimizer": "adamw", "lr": 1e-3, "weight_decay": 0.05, "decay_all": False}
_RSB: dict[str, Any] = {
    "optimizer": "lamb",
    "weight_decay": 0.02,
    "decay_all": False,
    "batch": 2048,
    "shards": 8,
    "loss": "bce",
}

RECIPES = Catalog(
    "recipe",
    (
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
            shards=8,
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
            shards=8,
            epochs=300,
            warmup_epochs=5,
            schedule_by="step",
            augment="deit",
            smoothing=0.1,
            grad_clip=1.0,
            weight_ema=0.99996,
            block_lr=1e-3,
            block_min_lr=1e-4,
            drop_path=0.1,
            # 2: position embeddings and class tokens are not decayed
            revision=2,
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
            drop_path=0.05,
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
    ),
)


METHOD_FAMILIES = {
    "imagenet_deit": "deit",
    "imagenet_rsb_a2": "rsb",
    "imagenet_rsb_a3": "rsb",
}
"""Recipes for which AutoMix A.1 has hyper-parameters of the methods of its own, whatever the
dataset: recipe -> family of :class:`mixlib.core.method.Method`'s parameters."""


def check_recipe(row: Method, recipe: Recipe) -> None:
    """Refuses what a recipe asks for and an objective of its own cannot do.

    Raises:
        ValueError: a weight average beside AutoMix' own or around token labels, or mixing less
            than always where the masks are learned.
    """
    if row.objective == "once":
        return
    for name, off in (("weight_ema", None), ("mix_prob", 1.0), ("mix_until", None)):
        if getattr(recipe, name) != off:
            raise ValueError(
                f"{row.name} is trained by an objective of its own, which has no {name}: expected "
                f"{name} {off}, found {getattr(recipe, name)}"
            )


def recipe(name: str) -> Recipe:
    """The row of a name, or a KeyError that names the nearest one.

    Example:
        >>> recipe("cifar").lr
        0.1
    """
    return RECIPES[name]
