"""Means and standard deviations of channels, for images of any number of channels.

Whoever looks at the content of normalized images (bytes for a saliency map, seams in [0, 1]) must
undo the normalization.  Methods are told of it as one number per channel; the defaults are those of
colors.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

COLORS = 3


def per_channel(
    values: Sequence[float], channels: int, device: torch.device, what: str = "mean and std"
) -> Float[Tensor, "C 1 1"]:
    """One number per channel.

    Args:
        values: one for each channel, or one for all; three are those of colors, whose average
            stands for every channel of images that are no color images.
        channels: C of the images.
        device: where they are needed.
        what: they are, for the message.

    Raises:
        ValueError: another number of values.

    Example:
        >>> per_channel((0.2, 0.4, 0.6), 1, torch.device("cpu")).flatten().tolist()
        [0.4000000059604645]
    """
    numbers = list(values)
    if len(numbers) not in (1, COLORS, channels):
        raise ValueError(
            f"expected {what} of {channels} channels, or one for all, got {len(numbers)} values"
        )
    if len(numbers) != channels:
        numbers = [sum(numbers) / len(numbers)] * channels
    return torch.tensor(numbers, device=device)[:, None, None]
