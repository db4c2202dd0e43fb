"""Strided 1 x 1 convolutions of narrow networks, on a CPU as a matrix product.

On processors with AVX-512 oneDNN 3.12 (torch 2.13.0 and 2.14.1) ends the process with a
segmentation fault in the backward pass of a 1 x 1 convolution with a stride and 8 input channels,
once images or weights lie channels last.  16 and more input channels, larger kernels and the
contiguous layout are not affected, nor are processors without AVX-512.  Such a convolution is a
matrix product over every s-th pixel, which needs no convolution at all; computed so, a network
cannot meet the fault whatever layout its inputs and weights come in.
"""

from __future__ import annotations

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

SAFE_CHANNELS = 16
"""Input channels from which oneDNN's convolution is known to work."""


class StridedPointwise(nn.Conv2d):
    """A 1 x 1 convolution with a stride and few input channels.

    Equal to ``nn.Conv2d`` up to rounding.  Made by :func:`avoid_narrow_strided_pointwise`, so that
    names and parameters of a network stay.
    """

    def forward(self, input: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:
        if input.device.type != "cpu":
            return super().forward(input)
        down, across = self.stride
        pixels = input[:, :, ::down, ::across].permute(0, 2, 3, 1)
        return F.linear(pixels, self.weight.flatten(1), self.bias).permute(0, 3, 1, 2)


def affected(module: nn.Module) -> bool:
    """Whether a module is a convolution that ends the process on some processors."""
    return (
        type(module) is nn.Conv2d
        and module.kernel_size == (1, 1)
        and module.padding in ((0, 0), "valid")
        and max(module.stride) > 1
        and module.groups == 1
        and module.in_channels < SAFE_CHANNELS
    )


def avoid_narrow_strided_pointwise(model: nn.Module) -> None:
    """Lets every affected convolution of a network compute a matrix product on a CPU, in place.

    Parameters, their names and the state dict stay as they are; other modules are not touched.
    Called by the training loop and by the detector on what they are given.

    Example:
        >>> from torch import nn
        >>> net = nn.Sequential(nn.Conv2d(8, 16, 1, stride=2), nn.Conv2d(16, 32, 1, stride=2))
        >>> avoid_narrow_strided_pointwise(net)
        >>> [type(layer).__name__ for layer in net]
        ['StridedPointwise', 'Conv2d']
    """
    for module in model.modules():
        if affected(module):
            module.__class__ = StridedPointwise
