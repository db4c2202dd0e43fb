"""What a sample that is not finite does to a mix: one rule for all methods.

An image with NaN, infinite or very large pixels gives saliency and attention that are not finite.
Such a map says nothing about where the content is, so it counts as even, like one that underflowed
to zero: masks, moves and label weights stay finite for every sample of the batch, and nobody waits
for the device.  The pixels themselves are passed on as they are: they reach the loss, whose check
in :mod:`mixlib.training.fit` names the step.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

LARGEST = 1e4  # pixels beyond are no image: sums of their squares would overflow soon


def flat_if_broken(x: Float[Tensor, "B C h w"]) -> Float[Tensor, "B C h w"]:
    """The same images; one with a pixel that is not finite, or above 10,000, becomes zeros.

    For those who compare content; what is mixed stays as it is.

    Example:
        >>> flat_if_broken(torch.tensor([[[[2.0]]], [[[1e38]]]])).flatten().tolist()
        [2.0, 0.0]
    """
    fine = x.abs().amax((1, 2, 3), keepdim=True) < LARGEST
    return torch.where(fine, x, torch.zeros((), dtype=x.dtype, device=x.device))


def even_if_broken(maps: Float[Tensor, "B h w"]) -> Float[Tensor, "B h w"]:
    """The same maps; one whose sum is not finite, or zero, becomes ones.

    Args:
        maps: of saliency or attention, not negative.

    Example:
        >>> maps = torch.tensor([[[0.0, 2.0]], [[float("nan"), 1.0]]])
        >>> even_if_broken(maps).tolist()
        [[[0.0, 2.0]], [[1.0, 1.0]]]
    """
    total = maps.sum((1, 2), keepdim=True)
    fine = total.isfinite() & (total > 0)
    return torch.where(fine, maps, torch.ones((), dtype=maps.dtype, device=maps.device))
