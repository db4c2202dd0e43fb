"""Gradient saliency: the size of the loss gradient at every pixel of the input.

Simonyan et al., "Deep Inside Convolutional Networks", 2014, as used by PuzzleMix (Kim et al.,
ICML 2020, section 3) and Co-Mixup: the root of the sum over channels of the squared gradient. The
mean replaces the sum here (RMS); every user normalizes the map, so only its shape counts.

The reference implementations run a full backward pass and throw the parameter gradients away; here
only the input gradient is computed, a third less work, and no ``.grad`` is touched.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from mixlib.core.finite import even_if_broken
from mixlib.core.net import Net, inference


def input_gradient(
    net: Net, x: Float[Tensor, "B C H W"], y: Int[Tensor, " B"]
) -> Float[Tensor, "B C H W"]:
    """Gradient of each sample's cross-entropy with respect to its pixels, in evaluation mode.

    Batch statistics stay out of it (evaluation mode), so a sample's gradient does not depend on its
    neighbors; every submodule returns to the mode it was in, and no parameter gradient is
    computed.

    Example:
        >>> net = Net(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 3)))
        >>> input_gradient(net, torch.ones(2, 3, 4, 4), torch.tensor([0, 2])).shape
        torch.Size([2, 3, 4, 4])
    """
    with inference(net), torch.enable_grad():
        seen = x.detach().requires_grad_()
        logits, _ = net(seen)
        loss = F.cross_entropy(logits.float(), y, reduction="sum")
        return torch.autograd.grad(loss, seen)[0]


def gradient_saliency(
    net: Net, x: Float[Tensor, "B C H W"], y: Int[Tensor, " B"]
) -> Float[Tensor, "B H W"]:
    """RMS over the channels of :func:`input_gradient`, float32; even where it is not
    finite.

    Example:
        >>> net = Net(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 3)))
        >>> gradient_saliency(net, torch.ones(2, 3, 4, 4), torch.tensor([0, 2])).shape
        torch.Size([2, 4, 4])
    """
    return even_if_broken(input_gradient(net, x, y).float().square().mean(1).sqrt())


def shares(saliency: Float[Tensor, "B H W"], grid: tuple[int, int]) -> Float[Tensor, "B h w"]:
    """Saliency per cell of a grid, as shares of the image that sum to one.

    An image without any saliency (a gradient that underflowed to zero) gets equal shares.

    Example:
        >>> shares(torch.ones(1, 4, 4), (2, 2)).tolist()
        [[[0.25, 0.25], [0.25, 0.25]]]
    """
    mean = F.adaptive_avg_pool2d(saliency, grid)
    total = mean.sum((1, 2), keepdim=True)
    even = torch.full_like(mean, 1 / (grid[0] * grid[1]))
    return torch.where(total > 0, mean / total, even)
