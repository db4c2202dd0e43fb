"""Learning rate by step and weight decay by tensor.

Linear warm-up, then steps (Goyal et al., 2017); normalization is not decayed (Detectron2).
"""

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from downstream.detection.settings import DetectSettings


def learning_rates(settings: DetectSettings) -> np.ndarray:
    """Learning rate [iterations] of every step."""
    step = np.arange(settings.iterations)
    decays = np.searchsorted(np.array(settings.steps), step, side="right")
    ramp = np.minimum(step / max(settings.warmup_iters, 1), 1.0)
    ramp = np.where(step < settings.warmup_iters, ramp, 1.0)
    factor = settings.warmup_factor * (1 - ramp) + ramp
    return settings.lr * settings.gamma**decays * factor


def optimizer(model: nn.Module, settings: DetectSettings) -> torch.optim.SGD:
    """SGD with momentum over the trainable tensors; norm layers have their own weight decay."""
    norms = {
        id(p)
        for module in model.modules()
        if isinstance(module, (_NormBase, nn.GroupNorm, nn.LayerNorm))
        for p in module.parameters(recurse=False)
    }
    trained = [p for p in model.parameters() if p.requires_grad]
    groups: list[dict[str, Any]] = [
        {"params": [p for p in trained if id(p) not in norms]},
        {
            "params": [p for p in trained if id(p) in norms],
            "weight_decay": settings.weight_decay_norm,
        },
    ]
    return torch.optim.SGD(
        [group for group in groups if group["params"]],
        lr=settings.lr,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
        foreach=True,
    )
