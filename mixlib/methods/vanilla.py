"""Vanilla training: no mixing, the baseline of every table."""

from __future__ import annotations

from mixlib.core.arguments import checked
from mixlib.core.method import Method
from mixlib.core.policy import Keep, Policy


@checked
def vanilla() -> Policy:
    """No mixing.

    Example:
        >>> import torch
        >>> images, labels = torch.zeros(4, 3, 8, 8), torch.arange(4)
        >>> rng = torch.Generator().manual_seed(0)
        >>> vanilla().draw(images, labels, None, rng).source.flatten().tolist()
        [0, 1, 2, 3]
    """
    return Keep()


ROW = Method("vanilla", "Vanilla", "vanilla", "No mixing", 1998, status="defined")
