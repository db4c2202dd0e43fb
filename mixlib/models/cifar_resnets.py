"""Residual networks for 32-pixel images that timm has no constructor for.

Those of He et al. with three stages (ResNet-56), and those with norm and activation before every
convolution (pre-activation, wide).

Sources: He et al., "Deep residual learning", CVPR 2016, section 4.2 (three stages of 16, 32 and 64
channels, shortcuts without parameters); He et al., "Identity mappings in deep residual networks",
ECCV 2016, figure 4 (e) (pre-activation); Zagoruyko and Komodakis, "Wide residual networks", BMVC
2016, table 1 (the same with more channels).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


class Padded(nn.Module):
    """A shortcut without parameters: every second pixel, and zeros for the new channels."""

    def __init__(self, stride: int, new: int) -> None:
        super().__init__()
        self.stride, self.new = stride, new

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.new))


def _conv(inside: int, outside: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inside, outside, kernel, stride, kernel // 2, bias=False)


class Plain(nn.Module):
    """Two 3x3 convolutions, norm and activation behind each (He et al., CVPR 2016)."""

    expansion = 1

    def __init__(self, inside: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = _conv(inside, width, 3, stride), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = _conv(width, width, 3), nn.BatchNorm2d(width)
        same = inside == width and stride == 1
        self.shortcut = nn.Identity() if same else Padded(stride, width - inside)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:
        out = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(out)) + self.shortcut(x))


class PreActivated(nn.Module):
    """Norm and activation before every convolution (He et al., ECCV 2016): 3x3 twice, or a
    bottleneck 1x1, 3x3, 1x1 with four times the channels behind it.

    Where the shape changes, the shortcut is a 1x1 convolution of the activated input.
    """

    def __init__(self, inside: int, width: int, stride: int, expansion: Literal[1, 4]) -> None:
        super().__init__()
        kernels: tuple[int, ...]
        widths: tuple[int, ...]
        steps: tuple[int, ...]
        # a bottleneck's stride is that of its only 3x3 convolution, otherwise the first one's
        if expansion == 4:
            kernels, widths, steps = (1, 3, 1), (width, width, 4 * width), (1, stride, 1)
        else:
            kernels, widths, steps = (3, 3), (width, width), (stride, 1)
        before = (inside, *widths[:-1])
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels) for channels in before)
        self.convs = nn.ModuleList(map(_conv, before, widths, kernels, steps))
        same = inside == widths[-1] and stride == 1
        self.shortcut = None if same else _conv(inside, widths[-1], 1, stride)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:
        out = F.relu(self.norms[0](x))
        around = x if self.shortcut is None else self.shortcut(out)
        out = self.convs[0](out)
        for norm, conv in zip(self.norms[1:], self.convs[1:], strict=True):
            out = conv(F.relu(norm(out)))
        return out + around


class ResidualNet(nn.Module):
    """A 3x3 stem, stages ``layer1``, ``layer2`` ... (all but the first halve the map), ``last``
    (what is averaged over the map) and the classifier ``fc``.

    Args:
        classes: outputs Y.
        layers: blocks of each stage.
        channels: width of each stage, before a bottleneck's factor 4.
        block: "plain" (activation behind), "pre" or "pre_bottleneck" (activation before).
        stem_width: channels of the stem.

    Raises:
        ValueError: not one width per stage.
    """

    def __init__(
        self,
        classes: int,
        layers: Sequence[int],
        channels: Sequence[int],
        block: Literal["plain", "pre", "pre_bottleneck"],
        stem_width: int,
    ) -> None:
        super().__init__()
        if len(layers) != len(channels):
            raise ValueError(f"expected one width per stage, found {layers} and {channels}")
        self.conv1 = _conv(3, stem_width, 3)
        plain = block == "plain"
        self.bn1 = nn.BatchNorm2d(stem_width) if plain else nn.Identity()
        self.stages, inside = len(layers), stem_width
        factor: Literal[1, 4] = 4 if block == "pre_bottleneck" else 1
        for number, (count, width) in enumerate(zip(layers, channels, strict=True)):
            stage = nn.Sequential()
            for k in range(count):
                stride = 2 if number and not k else 1
                made = (
                    Plain(inside, width, stride)
                    if plain
                    else PreActivated(inside, width, stride, factor)
                )
                stage.append(made)
                inside = factor * width
            self.add_module(f"layer{number + 1}", stage)
        # the last sum of a pre-activated network has seen neither norm nor activation
        self.last = nn.Identity() if plain else nn.Sequential(nn.BatchNorm2d(inside), nn.ReLU())
        self.fc = nn.Linear(inside, classes)
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
        self.plain = plain

    def forward(self, x: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B Y"]:
        x = self.bn1(self.conv1(x))
        x = F.relu(x) if self.plain else x
        for number in range(self.stages):
            x = self.get_submodule(f"layer{number + 1}")(x)
        return self.fc(torch.flatten(self.last(x).mean((2, 3)), 1))
