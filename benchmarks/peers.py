"""Public libraries that mix images, and their calls.

A peer that is not installed is left out.  Every call returns mixed images and whatever labels the
library makes (soft ones, but for kornia); timm writes into its input, so it gets a copy, as a
training loop's fresh batch would be.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

CLASSES = 100
Call = Callable[[], object]
# group -> peer's title -> which function below, with its words
GROUPS: dict[str, dict[str, tuple[str, dict[str, Any]]]] = {
    "Mixup, one lambda per batch": {
        "torchvision v2.MixUp": ("torchvision", {"name": "MixUp"}),
        "timm batch": ("timm", {"mixup_alpha": 1.0, "mode": "batch"}),
        "PyPI mixup": ("pypi", {"name": "VanillaMixUp"}),
    },
    "Mixup, one lambda per sample": {
        "timm pair": ("timm", {"mixup_alpha": 1.0, "mode": "pair"}),
        "timm elem": ("timm", {"mixup_alpha": 1.0, "mode": "elem"}),
        "kornia RandomMixUpV2": ("kornia", {"name": "RandomMixUpV2"}),
    },
    "CutMix, one box per batch": {
        "torchvision v2.CutMix": ("torchvision", {"name": "CutMix"}),
        "timm batch": ("timm", {"mixup_alpha": 0.0, "cutmix_alpha": 1.0, "mode": "batch"}),
        "PyPI mixup": ("pypi", {"name": "CutMix"}),
    },
    "CutMix, one box per sample": {
        "timm pair": ("timm", {"mixup_alpha": 0.0, "cutmix_alpha": 1.0, "mode": "pair"}),
        "timm elem": ("timm", {"mixup_alpha": 0.0, "cutmix_alpha": 1.0, "mode": "elem"}),
        "kornia RandomCutMixV2": ("kornia", {"name": "RandomCutMixV2"}),
    },
}


def peers(group: str, x: Tensor, y: Tensor) -> dict[str, Call]:
    """The installed peers of a group, ready to be called on a batch."""
    found = {}
    for title, (library, words) in GROUPS[group].items():
        if find_spec({"pypi": "mixup"}.get(library, library)) is not None:
            found[title] = MAKERS[library](x, y, **words)
    return found


def _torchvision(x: Tensor, y: Tensor, name: str) -> Call:
    mixing = getattr(import_module("torchvision.transforms.v2"), name)(num_classes=CLASSES)
    return lambda: mixing(x, y)


def _timm(x: Tensor, y: Tensor, **words: Any) -> Call:
    mixing = import_module("timm.data").Mixup(**words, label_smoothing=0.0, num_classes=CLASSES)
    return lambda: mixing(x.clone(), y)


def _kornia(x: Tensor, y: Tensor, name: str) -> Call:
    mixing = getattr(import_module("kornia.augmentation"), name)(data_keys=["input", "class"])
    return lambda: mixing(x, y)


def _pypi(x: Tensor, y: Tensor, name: str) -> Call:
    mixing = getattr(import_module("mixup"), name)(alpha=1.0)
    soft = torch.nn.functional.one_hot(y, CLASSES).float()  # it takes no other labels
    return lambda: mixing(x, soft)


MAKERS: dict[str, Callable[..., Call]] = {
    "torchvision": _torchvision,
    "timm": _timm,
    "kornia": _kornia,
    "pypi": _pypi,
}
