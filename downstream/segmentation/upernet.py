"""UPerNet (Xiao et al., Unified perceptual parsing, ECCV 2018) on a plain vision transformer.

Tokens of four blocks become a pyramid by one convolution and resampling (factors 4, 2, 1 and 1/2),
as MMSegmentation's multi-level neck does for DeiT; then pyramid pooling (Zhao et al., CVPR 2017)
on the coarsest level, a top-down path, and a classifier on all levels together. An auxiliary
classifier on the last block is trained beside it and never used in testing.
"""

from typing import NamedTuple

import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn
from torch.nn import functional as F

from downstream.errors import InputError
from downstream.segmentation.settings import SegmentSettings

FACTORS = (4.0, 2.0, 1.0, 0.5)
"""Resolution of the pyramid's levels, relative to the grid of patches."""
POOLED = (1, 2, 3, 6)
"""Sides of the grids of pyramid pooling."""


class Outputs(NamedTuple):
    """Logits [B, K, H, W] of the segmentation head and of the auxiliary one."""

    main: Tensor
    auxiliary: Tensor


def convolution(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    """A convolution that keeps the size, batch normalization and ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def enlarge(x: Tensor, like: Tensor) -> Tensor:
    """Bilinear, at the size of another map."""
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)


class PyramidPooling(nn.Module):
    """A map and its means over coarse grids, merged (Zhao et al., CVPR 2017)."""

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        self.levels = nn.ModuleList(
            nn.Sequential(nn.AdaptiveAvgPool2d(side), convolution(inputs, channels, 1))
            for side in POOLED
        )
        self.merge = convolution(inputs + len(POOLED) * channels, channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        merged: Tensor = self.merge(
            torch.cat([x, *(enlarge(level(x), x) for level in self.levels)], 1)
        )
        return merged


class UPerHead(nn.Module):
    """Four maps, the finest first, to logits at the finest one's size.

    Args:
        width: channels of every map.
        channels: of the decoder.
        classes: K.
        dropout: before the classifier.
    """

    def __init__(self, width: int, channels: int, classes: int, dropout: float) -> None:
        super().__init__()
        finer = len(FACTORS) - 1
        self.pooling = PyramidPooling(width, channels)
        self.lateral = nn.ModuleList(convolution(width, channels, 1) for _ in range(finer))
        self.smooth = nn.ModuleList(convolution(channels, channels, 3) for _ in range(finer))
        self.merge = convolution(len(FACTORS) * channels, channels, 3)
        self.classify = nn.Sequential(nn.Dropout2d(dropout), nn.Conv2d(channels, classes, 1))

    def forward(self, maps: list[Tensor]) -> Tensor:
        levels = [layer(x) for layer, x in zip(self.lateral, maps[:-1], strict=True)]
        levels.append(self.pooling(maps[-1]))
        for place in range(len(levels) - 2, -1, -1):
            levels[place] = levels[place] + enlarge(levels[place + 1], levels[place])
        smooth = [layer(x) for layer, x in zip(self.smooth, levels[:-1], strict=True)]
        merged = [enlarge(x, levels[0]) for x in (*smooth, levels[-1])]
        logits: Tensor = self.classify(self.merge(torch.cat(merged, 1)))
        return logits


class Neck(nn.Module):
    """Maps of one size to a pyramid: 1 x 1 convolution, resampling, 3 x 3 convolution each."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.project = nn.ModuleList(nn.Conv2d(width, width, 1) for _ in FACTORS)
        self.smooth = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in FACTORS)

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        found = []
        for x, factor, project, smooth in zip(
            maps, FACTORS, self.project, self.smooth, strict=True
        ):
            resized = F.interpolate(project(x), scale_factor=factor, mode="bilinear")
            found.append(smooth(resized))
        return found


class UPerNet(nn.Module):
    """A segmenter of normalized images [B, 3, H, W] at its training crop's size.

    Args:
        backbone: a timm VisionTransformer (DeiT-T/S/B); its input size becomes the crop's, with
            position embeddings resampled. Its classifier is not used.
        classes: K.
        settings: of the decoder.

    Raises:
        InputError: another backbone, a crop that is no multiple of two patches, a layer that there
            is not, or fewer than two classes.

    Example:
        >>> import timm, torch
        >>> vit = timm.create_model("deit_tiny_patch16_224", depth=4, embed_dim=24)
        >>> settings = SegmentSettings(crop=64, stride=64, layers=(0, 1, 2, 3), channels=8)
        >>> model = UPerNet(vit, 5, settings).eval()
        >>> model(torch.zeros(1, 3, 64, 64)).shape
        torch.Size([1, 5, 64, 64])
    """

    def __init__(self, backbone: nn.Module, classes: int, settings: SegmentSettings) -> None:
        super().__init__()
        if not isinstance(backbone, VisionTransformer):
            raise InputError(
                f"expected a timm VisionTransformer, found {type(backbone).__name__}: UPerNet is "
                "built on DeiT-T, -S or -B"
            )
        if classes < 2:
            raise InputError(f"expected at least two classes, found {classes}")
        patch = backbone.patch_embed.patch_size[0]
        if settings.crop % (2 * patch):
            raise InputError(
                f"crop must be a multiple of {2 * patch}, twice the patch, found {settings.crop}"
            )
        if settings.layers[-1] >= len(backbone.blocks):
            raise InputError(
                f"expected layers below {len(backbone.blocks)}, the backbone's depth, found "
                f"{settings.layers}"
            )
        backbone.set_input_size(img_size=(settings.crop, settings.crop))
        backbone.reset_classifier(0, "")
        _set_drop_path(backbone, settings.drop_path)
        width = backbone.embed_dim
        self.backbone = backbone
        self.layers = list(settings.layers)
        self.neck = Neck(width)
        self.head = UPerHead(width, settings.channels, classes, settings.dropout)
        self.auxiliary = nn.Sequential(
            convolution(width, settings.auxiliary_channels, 3),
            nn.Dropout2d(settings.dropout),
            nn.Conv2d(settings.auxiliary_channels, classes, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits [B, K, H, W] of the segmentation head."""
        return enlarge(self.head(self.neck(self.features(x))), x)

    def both(self, x: Tensor) -> Outputs:
        """Logits of both heads, for training."""
        maps = self.features(x)
        return Outputs(enlarge(self.head(self.neck(maps)), x), enlarge(self.auxiliary(maps[-1]), x))

    def features(self, x: Tensor) -> list[Tensor]:
        """Tokens of the chosen blocks as maps [B, D, h, w]."""
        maps = self.backbone.forward_intermediates(
            x, indices=self.layers, intermediates_only=True, output_fmt="NCHW"
        )
        assert isinstance(maps, list)
        return maps


def _set_drop_path(backbone: VisionTransformer, rate: float) -> None:
    """Stochastic depth that rises linearly from the first block to ``rate`` at the last."""
    from timm.layers import DropPath

    blocks = list(backbone.blocks)
    for place, block in enumerate(blocks):
        own = rate * place / max(1, len(blocks) - 1)
        for name in ("drop_path1", "drop_path2"):
            setattr(block, name, DropPath(own) if own else nn.Identity())
