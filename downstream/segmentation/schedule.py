"""Learning rate by step and weight decay by tensor of a segmentation fine-tuning."""

import torch
from torch import nn

from downstream.segmentation.settings import SegmentSettings
from downstream.segmentation.upernet import UPerNet
from mixlib.training.optimizers import exempt


def learning_rate(step: int, settings: SegmentSettings) -> float:
    """At a step from 0: linear warm-up, beside a polynomial decay that reaches zero at the end.

    Example:
        >>> settings = SegmentSettings(steps=100, warmup=10, lr=1.0, warmup_lr=0.1)
        >>> [round(learning_rate(step, settings), 3) for step in (0, 10, 50, 99)]
        [0.1, 0.9, 0.5, 0.01]
    """
    decayed = settings.lr * (1 - step / settings.steps) ** settings.power
    if step >= settings.warmup:
        return decayed
    share = step / settings.warmup
    first = settings.warmup_lr / settings.lr
    return decayed * (first + (1 - first) * share)


def optimizer(model: UPerNet, settings: SegmentSettings) -> torch.optim.AdamW:
    """AdamW with one group for each learning rate and weight decay.

    Every group's ``scale`` multiplies the rate of the step: ``layer_decay`` to the number of
    blocks above it, 1 for the decoder.
    """
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    depth, undecayed = len(model.backbone.blocks), exempt(model)
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        plain = parameter.ndim <= 1 or parameter in undecayed
        key = (_scale(name, depth, settings.layer_decay), 0.0 if plain else settings.weight_decay)
        groups.setdefault(key, []).append(parameter)
    return torch.optim.AdamW(
        [
            {"params": parameters, "scale": scale, "weight_decay": decay, "lr": settings.lr * scale}
            for (scale, decay), parameters in groups.items()
        ],
        lr=settings.lr,
        betas=(0.9, 0.999),
    )


def _scale(name: str, depth: int, decay: float) -> float:
    """Factor on the learning rate of one tensor."""
    if not name.startswith("backbone."):
        return 1.0
    parts = name.split(".")
    if parts[1] == "blocks":
        return decay ** (depth - int(parts[2]))
    # the embedding lies below the first block, the last norm above the last one
    return 1.0 if parts[1] == "norm" else decay ** (depth + 1)
