"""Class activation maps of the true class (Zhou et al., Learning deep features for discriminative
localization, CVPR 2016).

A map is the last feature map's channels, weighted as the classifier weights their means. The
weights are read off as the gradient of the class's logit, which for a linear layer behind global
average pooling is its row of weights, and which also holds where a normalization stands between
the two (ConvNeXt).
"""

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from downstream.frozen import frozen
from mixlib.core.net import Net

EVEN = 1e-4
"""Largest difference between positions, as a share of the largest gradient, that is rounding."""


class NoMapError(ValueError):
    """The network has no map whose positions all count the same towards its logits."""


def activation_maps(
    net: Net, batches: Iterable[tuple[Tensor, Tensor]], site: str = "last"
) -> NDArray[np.float32]:
    """Maps float32 [N, h, w] of every image's true class.

    Args:
        net: a classifier with global average pooling behind ``site``.
        batches: pairs of images [B, 3, H, W] and labels int64 [B] on the network's device.
        site: the last feature map, a name in ``net.sites`` or a module path.

    Raises:
        NoMapError: what lies behind the site is no global average pooling.
        ValueError: there is no image.
    """
    found = []
    with frozen(net):
        for x, y in batches:
            found.append(_maps(net, x, y, site).float().cpu().numpy())
    if not found:
        raise ValueError("expected at least one image to look at, found an empty dataset")
    return np.concatenate(found)


def _maps(net: Net, x: Tensor, y: Tensor, site: str) -> Tensor:
    """Maps [B, h, w] of one batch of a frozen network."""
    held: list[Tensor] = []

    def cut(features: Tensor) -> Tensor:
        held.append(features.detach().requires_grad_())
        return held[0]

    # the network is frozen: gradients reach back to the feature map and no further
    with torch.enable_grad():
        logits, _ = net(x, edit={site: cut})
        gradient = torch.autograd.grad(logits.gather(1, y[:, None]).sum(), held)[0]
    features, gradient = (_channels_first(net, site, part) for part in (held[0], gradient))
    uneven = (gradient - gradient.mean((2, 3), keepdim=True)).abs().max()
    if uneven > EVEN * gradient.abs().max():
        raise NoMapError(
            f"{type(net.model).__name__}: expected global average pooling behind site {site!r}, "
            "found positions that count differently towards the logits: name the site whose output "
            "is pooled"
        )
    return torch.einsum("bkhw,bk->bhw", features.detach(), gradient.sum((2, 3)))


def _channels_first(net: Net, site: str, features: Tensor) -> Tensor:
    """Features as [B, K, h, w]."""
    if features.dim() != 4 or net.layout == "tokens":
        raise NoMapError(
            f"{type(net.model).__name__}: expected a feature map at site {site!r}, found a tensor "
            f"{list(features.shape)} in layout {net.layout!r}: class activation maps need a "
            "network with global pooling"
        )
    return features.permute(0, 3, 1, 2) if net.layout == "channels_last" else features
