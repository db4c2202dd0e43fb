"""A look at a network of the user's own before it is trained: what else would learn silently."""

from __future__ import annotations

import torch

from mixlib.core.net import Net
from pipelines.declare.errors import DeclarationError


@torch.no_grad()
def check_logits(net: Net, name: str, classes: int, shape: tuple[int, ...]) -> None:
    """Refuses a network whose outputs are not one logit for each class.

    Args:
        net: freshly made, on the CPU.
        name: "module:function" that made it.
        classes: of the images.
        shape: of one image, (channels, height, width).

    Raises:
        DeclarationError: says which outputs were found.
    """
    training = net.training
    try:
        found = net.eval()(torch.zeros(2, *shape))[0].shape
    finally:
        net.train(training)
    if tuple(found) != (2, classes):
        words = ", ".join(["B", *map(str, found[1:])])
        raise DeclarationError(
            f"{name}: expected logits [B, {classes}], one for each class of the images, found "
            f"[{words}]; the number of classes is the function's argument"
        )
