"""A transformer of a few thousand weights and a batch for it."""

from __future__ import annotations

import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor

from mixlib.core.net import Net
from mixlib.core.objective import Objective

CLASSES = 5


def small_vit(**words) -> Net:
    """4 x 4 patches of 8 pixels, 12 channels, 2 blocks, one class token."""
    torch.manual_seed(0)
    model = VisionTransformer(
        img_size=32, patch_size=8, embed_dim=12, depth=2, num_heads=3, num_classes=CLASSES, **words
    )
    return Net(model, {"last": "norm"}, layout="tokens")


def batch(n: int, size: tuple[int, int] = (32, 32)) -> tuple[Tensor, Tensor]:
    """Noise, each image around a mean of its own, and class indices."""
    rng = torch.Generator().manual_seed(n)
    x = torch.randn(n, 3, *size, generator=rng) + torch.randn(n, 3, 1, 1, generator=rng)
    return x, torch.arange(n) % CLASSES


def falling(objective: Objective, x: Tensor, y: Tensor, steps: int = 60) -> tuple[float, float]:
    """Mean loss of the first and of the last ten steps of a short training."""
    optimizer = torch.optim.Adam(objective.groups()["net"], 3e-3)
    losses = []
    for step in range(steps):
        loss = objective(x, y, torch.Generator().manual_seed(step)).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        objective.update_teacher(step)
        losses.append(float(loss.detach()))
    return sum(losses[:10]) / 10, sum(losses[-10:]) / 10
