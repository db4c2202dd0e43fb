"""The feature map that the Mix Block reads: its site in the network, its channels, its layout.

AutoMix reads the map of the l-th stage of the momentum encoder (section 3.1, eq. 4; l = 3 in all
experiments, Table 11).  Networks lay their maps out differently, so the layout is stated, not
guessed: an 8 x 8 x 8 tensor says nothing about which axis holds the channels.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from mixlib.core.net import Layout, Net, inference
from mixlib.models.attention import token_layout
from mixlib.models.feature_maps import as_map
from mixlib.models.probe import blank, stated_sizes


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
        >>> import torch
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
        z = as_map(z, self.layout, self.prefix, image)
        if z.ndim != 4 or z.shape[1] != self.channels:
            raise ValueError(
                f"site {self.site!r} in layout {self.layout} gives a map of shape "
                f"{tuple(z.shape)}; expected [B, {self.channels}, h, w]"
            )
        return z


def probe(net: Net, site: str, image: int = 64) -> Features:
    """The channels of a site, found by one forward pass of a blank image of ``image`` pixels, or of
    the size that the network says it was built for.

    Raises:
        KeyError: the network has no such site.
        ValueError: no blank image passes, or what is there is no map.
    """
    net.place(site)
    layout = net.layout_of(site)
    prefix = token_layout(net).prefix if layout == "tokens" else 0
    sizes = dict.fromkeys(((image, image), *stated_sizes(net.body)))
    with inference(net):
        for number, size in enumerate(sizes, 1):
            try:
                z = net.features(blank(net.body, size)[:1], site)
                break
            except (RuntimeError, ValueError, AssertionError) as error:
                if number == len(sizes):
                    raise ValueError(
                        f"{type(net.body).__name__} takes no images of {image} pixels: say "
                        f"image=..., the side that it was built for ({error})"
                    ) from error
    if z.ndim == 4 and layout == "tokens":
        layout, prefix = "channels_first", 0
    channels = z.shape[1] if layout == "channels_first" else z.shape[-1]
    return Features(site, channels, layout, prefix)
