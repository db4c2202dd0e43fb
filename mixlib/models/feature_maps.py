"""Feature maps [B, C, h, w] out of whatever a network holds at a site, and back.

Networks lay their maps out differently: channels first, channels last, or as tokens behind a class
token, a distillation token or registers.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from mixlib.core.net import Layout


def as_map(
    z: Tensor, layout: Layout, prefix: int, image: tuple[int, int]
) -> Float[Tensor, "B C h w"]:
    """A site's tensor as a map.

    Args:
        z: the tensor, in that layout; the output of a layer that already is a map stays one.
        layout: of the site, see :class:`mixlib.core.net.Net`.
        prefix: tokens before the grid.
        image: (H, W) of the images; tokens lie on a grid with their aspect ratio.

    Raises:
        ValueError: the tokens behind the prefix do not tile the image.

    Example:
        >>> import torch
        >>> as_map(torch.zeros(2, 1 + 16, 8), "tokens", 1, (64, 64)).shape
        torch.Size([2, 8, 4, 4])
    """
    if layout == "tokens" and z.ndim == 3:
        return _grid(z[:, prefix:], image)
    return z.permute(0, 3, 1, 2) if layout == "channels_last" else z


def _grid(tokens: Tensor, image: tuple[int, int]) -> Tensor:
    count = tokens.shape[1]
    rows = round((count * image[0] / image[1]) ** 0.5)
    if rows == 0 or count % rows:
        raise ValueError(f"{count} tokens do not tile an image of {image[0]} x {image[1]}")
    return tokens.transpose(1, 2).unflatten(2, (rows, count // rows))
