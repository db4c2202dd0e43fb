"""The feature map that the Mix Block reads: its site in the network, its channels, its layout.

AutoMix reads the map of the l-th stage of the momentum encoder (section 3.1, eq. 4; l = 3 in all
experiments, Table 11).  Networks lay their maps out differently, so the layout is stated, not
guessed: an 8 x 8 x 8 tensor says nothing about which axis holds the channels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mixlib.core.net import Layout, Net, inference
from mixlib.models.attention import token_layout


@dataclass(frozen=True)
class Features:
    """A site of the network and the layout of its tensor.

    Args:
        site: a named site or module path of the net, e.g. "layer3".
        channels: C of the map.
        layout: "channels_first" [B, C, h, w] (ResNet, ConvNeXt), "channels_last" [B, h, w, C]
            (Swin) or "tokens" [B, prefix + h w, C] in row-major order (ViT, DeiT).
        prefix: tokens before the grid: 1 class token in ViT and DeiT, 2 with distillation.

    Example:
        >>> tokens = torch.zeros(2, 1 + 16, 8)
        >>> Features("blocks.5", 8, "tokens", prefix=1).as_map(tokens, (64, 64)).shape
        torch.Size([2, 8, 4, 4])
    """

    site: str
    channels: int
    layout: Layout = "channels_first"
    prefix: int = 0

    def as_map(self, z: Tensor, image: tuple[int, int]) -> Float[Tensor, "B C h w"]:
        """The site's tensor as a map.

        Args:
            z: the tensor at the site, in the stated layout.
            image: (H, W) of the images; tokens lie on a grid with their aspect ratio.

        Raises:
            ValueError: the tensor does not fit the layout, or its channels differ.
        """
        if self.layout == "tokens":
            z = _grid(z[:, self.prefix :], image)
        elif self.layout == "channels_last":
            z = z.permute(0, 3, 1, 2)
        if z.ndim != 4 or z.shape[1] != self.channels:
            raise ValueError(
                f"site {self.site!r} in layout {self.layout} gives a map of shape "
                f"{tuple(z.shape)}; expected [B, {self.channels}, h, w]"
            )
        return z


def _grid(tokens: Tensor, image: tuple[int, int]) -> Tensor:
    count = tokens.shape[1]
    rows = round((count * image[0] / image[1]) ** 0.5)
    if rows == 0 or count % rows:
        raise ValueError(f"{count} tokens do not tile an image of {image[0]} x {image[1]}")
    return tokens.transpose(1, 2).unflatten(2, (rows, count // rows))


def probe(net: Net, site: str, image: int = 64) -> Features:
    """The channels of a site, found by one forward pass of a blank image of ``image`` pixels, or of
    the size that the network states (timm's transformers take no other)."""
    sides = stated_size(net.body) or (image, image)
    layout, prefix = net.layout, token_layout(net).prefix if net.layout == "tokens" else 0
    device = next(net.parameters()).device
    with inference(net):
        z = net.features(torch.zeros(1, 3, *sides, device=device), site)
    channels = z.shape[1] if layout == "channels_first" else z.shape[-1]
    return Features(site, channels, layout, prefix)


def stated_size(model: nn.Module) -> tuple[int, int] | None:
    """Height and width of the images that a network is built for, where it says so.

    Example:
        >>> from timm.models.vision_transformer import VisionTransformer
        >>> stated_size(VisionTransformer(32, 4, embed_dim=8, depth=1, num_heads=2))
        (32, 32)
    """
    size = getattr(getattr(model, "patch_embed", None), "img_size", None)
    return None if size is None else (int(size[0]), int(size[1]))
