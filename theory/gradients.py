"""Products of input gradients by pixel displacement (Park, Yun and Chun, NeurIPS 2022, Figure 4):
for a displacement p, the maximum over images k and pixels v of |d_v f(x_k) d_{v+p} f(x_k)|.

The paper leaves open which f, how channels are reduced and what "normalized" means.  Our reading: f
is the true class's logit, d_v f the L2 norm over channels, v and v + p both inside the image, and
the map divided by its value at p = 0, which by Cauchy-Schwarz is its largest.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from .expansion.taylor import Model


def input_gradients(
    model: Model, x: Float[Tensor, "n C H W"], y: Int[Tensor, " n"], chunk: int = 256
) -> Float[Tensor, "n C H W"]:
    """Gradient of every image's true-class logit by its pixels (the model must treat samples
    independently)."""
    found = []
    for images, labels in zip(x.split(chunk), y.split(chunk), strict=True):
        leaf = images.detach().requires_grad_()
        true_logits = model(leaf).gather(1, labels[:, None]).sum()
        found.append(torch.autograd.grad(true_logits, leaf)[0])
    return torch.cat(found)


def product_map(gradients: Float[Tensor, "n C H W"]) -> Float[Tensor, "P Q"]:
    """The statistic for every displacement p in [-(H-1), H-1] x [-(W-1), W-1], zero in the middle:
    [2H - 1, 2W - 1], symmetric under p -> -p."""
    norm = gradients.square().sum(1).sqrt()
    h, w = norm.shape[1:]
    found = norm.new_zeros(2 * h - 1, 2 * w - 1)
    for down in range(h):
        for across in range(-(w - 1), w):
            near = norm[:, : h - down, max(-across, 0) : w - max(across, 0)]
            far = norm[:, down:, max(across, 0) : w - max(-across, 0)]
            found[h - 1 + down, w - 1 + across] = (near * far).max()
            found[h - 1 - down, w - 1 - across] = found[h - 1 + down, w - 1 + across]
    return found


def normalized(statistic: Float[Tensor, "P Q"]) -> Float[Tensor, "P Q"]:
    """The map divided by its middle, its largest value.

    Raises:
        ValueError: every gradient is zero.
    """
    middle = statistic[statistic.shape[0] // 2, statistic.shape[1] // 2]
    if middle <= 0:
        raise ValueError("the network's input gradients all vanish: nothing to normalize by")
    return statistic / middle


def by_distance(statistic: Float[Tensor, "P Q"]) -> tuple[Tensor, Tensor]:
    """Mean over the displacements of each rounded length: (lengths [r], values [r]).

    The mean over directions, not their largest value: the map's entries are maxima already, and the
    largest of those follows single images.
    """
    rows, cols = (torch.arange(n) - n // 2 for n in statistic.shape)
    length = (rows[:, None] ** 2 + cols**2).double().sqrt().round().long().flatten()
    total = torch.zeros(int(length.max()) + 1, dtype=statistic.dtype)
    total.index_add_(0, length, statistic.flatten())
    return torch.arange(len(total)), total / torch.bincount(length)
