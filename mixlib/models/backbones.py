"""The catalog of backbones: name -> constructor, sites, citation, revision.  Imports no torch.

Every ResNet for large images is timm's class, so that state dicts carry the same names as
torchvision's (``conv1``, ``layer1.0.conv1``, ``fc``) and one reader serves all detectors.  Networks
for 32 pixels that timm has no constructor for are :mod:`mixlib.models.cifar_resnets`'s.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from mixlib.core.catalog import Catalog

if TYPE_CHECKING:
    from torch import nn

# the words for the ImageNet weights that torchvision and timm publish
PUBLISHED = "torchvision"
PUBLISHED_BY_TIMM = "timm"

# "last" is what the classifier reads: the map that global pooling averages, or the tokens
RESNET_SITES = {f"stage{i}": f"layer{i}" for i in range(1, 5)} | {"last": "layer4"}
# after a pre-activated network's last norm and activation, which are no part of its last stage
PRE_SITES = RESNET_SITES | {"last": "last"}
THREE_SITES = {f"stage{i}": f"layer{i}" for i in range(1, 4)} | {"last": "last"}
# a transformer has no stages: a sixth, a third and half of twelve blocks stand for the first three
VIT_SITES = {"stage1": "blocks.1", "stage2": "blocks.3", "stage3": "blocks.5", "last": "norm"}
# the same shares of six blocks
VIT6_SITES = {"stage1": "blocks.0", "stage2": "blocks.1", "stage3": "blocks.2", "last": "norm"}
SWIN_SITES = {f"stage{i + 1}": f"layers.{i}" for i in range(4)} | {"last": "norm"}
# inverted residuals at strides 4, 8, 16 and 32; the classifier reads one more convolution's map
MOBILE_SITES = {
    "stage1": "blocks.1",
    "stage2": "blocks.2",
    "stage3": "blocks.4",
    "stage4": "blocks.6",
    "last": "bn2",
}
PVT_SITES = {f"stage{i + 1}": f"stages.{i}" for i in range(4)} | {"last": "stages.3"}
NFNET_SITES = {f"stage{i + 1}": f"stages.{i}" for i in range(4)} | {"last": "final_act"}
# its class token joins in the last two blocks only, so the others have no tokens before the grid
CAIT_SITES = {"last": "norm"}
CONVNEXT_SITES = {f"stage{i + 1}": f"stages.{i}" for i in range(4)} | {"last": "stages.3"}


@dataclass(frozen=True)
class Backbone:
    """One network.

    Attributes:
        name: the word used in declarations.
        title: the name shown in tables.
        family: which constructor builds it: "resnet" (timm's ResNet class with ``options``),
            "timm" (by the registered name in ``options``), "residual"
            (:class:`mixlib.models.cifar_resnets.ResidualNet` with ``options``) or "own" (a function
            of the user's, see :class:`Backbones`).
        options: plain arguments of that constructor.
        stem: "imagenet" (7x7 stride 2, pooling), "small" (3x3 stride 2, pooling: the same strides,
            so a detector sees C4 at stride 16), "dense" (3x3 stride 2, no pooling: finer maps to
            localize with) or "cifar" (3x3 stride 1, no pooling: AutoMix A.1).
        sites: names for places, see :class:`mixlib.core.net.Net`.
        layout: how features lie there: "channels_first", "channels_last" or "tokens" (behind one
            class token), see :class:`mixlib.methods.automix.features.Features`.
        torchvision: the model of that name in torchvision has this architecture and published
            weights; None: it has none.
        timm: the same for timm, "model.tag".
        small: of ResNet-18's size, for which AutoMix A.1 has hyper-parameters of its own.
        cite: source.
        revision: raised by hand whenever the network's numbers change.

    Example:
        >>> row = backbone("resnet18")
        >>> row.title, row.torchvision
        ('R-18', 'resnet18')
    """

    name: str
    title: str
    family: str
    options: Mapping[str, Any]
    stem: str
    sites: Mapping[str, str]
    cite: str
    layout: Literal["channels_first", "channels_last", "tokens"] = "channels_first"
    small: bool = False
    torchvision: str | None = None
    timm: str | None = None
    revision: int = 1


_HE = "He et al., Deep residual learning, CVPR 2016"
_DEIT = "Touvron et al., Training data-efficient image transformers, ICML 2021"
_SWIN = "Liu et al., Swin Transformer, ICCV 2021"
_SWIN_T = "swin_tiny_patch4_window7_224"
_NEXT_T = "Liu et al., A ConvNet for the 2020s, CVPR 2022"
_PRE = "He et al., Identity mappings in deep residual networks, ECCV 2016"
_WIDE = "Zagoruyko and Komodakis, Wide residual networks, BMVC 2016"
_SANDLER = "Sandler et al., MobileNetV2, CVPR 2018"
_TAN = "Tan and Le, EfficientNet, ICML 2019"
_WANG = "Wang et al., PVT v2: improved baselines with pyramid vision transformer, CVM 2022"
_CAIT = "Touvron et al., Going deeper with image transformers, ICCV 2021"
_BROCK = "Brock et al., High-performance large-scale image recognition, ICML 2021"
_XIE = "Xie et al., Aggregated residual transformations, CVPR 2017"


def _resnet(
    name: str,
    title: str,
    stem: str,
    cite: str = _HE,
    torchvision: str | None = None,
    timm: str | None = None,
    **options: Any,
) -> Backbone:
    layers = options["layers"]
    small = layers == (1,) * 4 or (layers == (2,) * 4 and options["block"] == "basic")
    return Backbone(
        *(name, title, "resnet", options, stem, RESNET_SITES, cite),
        small=small,
        torchvision=torchvision,
        timm=timm,
    )


def _timm(
    name: str,
    title: str,
    model: str,
    sites: Mapping[str, str],
    cite: str,
    layout: Any = "channels_first",
    timm: str | None = None,
) -> Backbone:
    return Backbone(
        *(name, title, "timm", {"model": model}, "imagenet", sites, cite, layout), timm=timm
    )


# a transformer for 64 pixels: 8 x 8 patches, as many as there are cells to look at
_SMALL_VIT: dict[str, Any] = {
    "img_size": 64,
    "patch_size": 8,
    "embed_dim": 64,
    "depth": 6,
    "num_heads": 4,
    "mlp_ratio": 2.0,
}


def _residual(
    name: str,
    title: str,
    block: str,
    layers: tuple[int, ...],
    channels: tuple[int, ...],
    stem_width: int,
    cite: str,
) -> Backbone:
    options = {"block": block, "layers": layers, "channels": channels, "stem_width": stem_width}
    sites = PRE_SITES if len(layers) == 4 else THREE_SITES
    small = layers == (2, 2, 2, 2)
    return Backbone(name, title, "residual", options, "cifar", sites, cite, small=small)


_TINY: dict[str, Any] = {
    "block": "basic",
    "layers": (1, 1, 1, 1),
    "channels": (16, 32, 64, 128),
    "stem_width": 16,
}
_TINY_WIDER: dict[str, Any] = {**_TINY, "channels": (32, 64, 128, 256), "stem_width": 32}
# stride 8 in all, so that a 64-pixel image leaves 8 x 8 cells to localize in; the last stage is
# dilated instead of strided
_DENSE: dict[str, Any] = {
    "block": "basic",
    "layers": (1, 1, 1, 1),
    "channels": (16, 32, 64, 64),
    "output_stride": 16,
}
_DENSE_NEXT: dict[str, Any] = {
    **_DENSE,
    "block": "bottleneck",
    "channels": (8, 16, 16, 16),
    "cardinality": 4,
    "base_width": 32,
}
_BASIC18: dict[str, Any] = {"block": "basic", "layers": (2, 2, 2, 2)}
_BASIC34: dict[str, Any] = {"block": "basic", "layers": (3, 4, 6, 3)}
_NECK26: dict[str, Any] = {"block": "bottleneck", "layers": (2, 2, 2, 2)}
_NECK50: dict[str, Any] = {"block": "bottleneck", "layers": (3, 4, 6, 3)}
_NECK101: dict[str, Any] = {"block": "bottleneck", "layers": (3, 4, 23, 3)}
_WIDTHS = (64, 128, 256, 512)
_NEXT: dict[str, Any] = {"cardinality": 32, "base_width": 4}


OWN = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


class Backbones(Catalog[Backbone]):
    """The networks of the catalog, and anybody's own as "package.module:function": a function of
    the number of classes that makes a classifier [B, C, H, W] -> [B, classes].

    Example:
        >>> BACKBONES["my_nets:small"].family, "my_nets:small" in BACKBONES
        ('own', True)
    """

    def __getitem__(self, name: str) -> Backbone:
        if OWN.fullmatch(str(name)):
            options = {"path": name}
            return Backbone(name, name.partition(":")[2], "own", options, "own", {}, "your own")
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or OWN.fullmatch(str(name)) is not None


BACKBONES = Backbones(
    "backbone",
    (
        _resnet("resnet10_w16", "R-10 (width 16)", "small", **_TINY),
        _resnet("resnet10_w16_cifar", "R-10 (width 16, CIFAR stem)", "cifar", **_TINY),
        _resnet("resnet10_w32_cifar", "R-10 (width 32, CIFAR stem)", "cifar", **_TINY_WIDER),
        _resnet(
            *("resnet10_w16_dense", "R-10 (width 16, stride 8)", "dense"), **_DENSE, stem_width=16
        ),
        _resnet("resnext10_dense", "RX-10 (stride 8)", "dense", _XIE, **_DENSE_NEXT),
        _resnet("resnet18", "R-18", "imagenet", torchvision="resnet18", **_BASIC18),
        _resnet("resnet34", "R-34", "imagenet", torchvision="resnet34", **_BASIC34),
        _resnet("resnet50", "R-50", "imagenet", torchvision="resnet50", **_NECK50),
        _resnet(
            *("resnet101", "R-101", "imagenet", _HE, "resnet101", "resnet101.a1h_in1k"), **_NECK101
        ),
        # the teacher of TokenMix' ablation
        _resnet("resnet26", "R-26", "imagenet", timm="resnet26.bt_in1k", **_NECK26),
        _resnet("resnext50", "RX-50", "imagenet", _XIE, "resnext50_32x4d", **_NECK50, **_NEXT),
        _resnet("resnext101", "RX-101", "imagenet", _XIE, **_NECK101, **_NEXT),
        _resnet("resnet18_cifar", "R-18", "cifar", **_BASIC18),
        _resnet("resnext50_cifar", "RX-50", "cifar", _XIE, **_NECK50, **_NEXT),
        _residual("resnet56", "RN56", "plain", (9, 9, 9), (16, 32, 64), 16, _HE),
        _residual("wrn28_2", "WRN28-2", "pre", (4, 4, 4), (32, 64, 128), 16, _WIDE),
        _residual("wrn28_8", "WRN-28-8", "pre", (4, 4, 4), (128, 256, 512), 16, _WIDE),
        _residual("preact18", "PreActRN18", "pre", (2, 2, 2, 2), _WIDTHS, 64, _PRE),
        _residual("preact34", "PreActRN34", "pre", (3, 4, 6, 3), _WIDTHS, 64, _PRE),
        _residual("preact50", "PreActRN50", "pre_bottleneck", (3, 4, 6, 3), _WIDTHS, 64, _PRE),
        _timm("deit_tiny", "DeiT-T", "deit_tiny_patch16_224", VIT_SITES, _DEIT, "tokens"),
        _timm("deit_small", "DeiT-S", "deit_small_patch16_224", VIT_SITES, _DEIT, "tokens"),
        _timm("deit_base", "DeiT-B", "deit_base_patch16_224", VIT_SITES, _DEIT, "tokens"),
        Backbone(
            *("vit6_w64", "ViT-6 (width 64)", "vit", _SMALL_VIT, "imagenet", VIT6_SITES, _DEIT),
            layout="tokens",
        ),
        _timm("swin_tiny", "Swin-T", _SWIN_T, SWIN_SITES, _SWIN, "channels_last"),
        _timm("convnext_tiny", "ConvNeXt-T", "convnext_tiny", CONVNEXT_SITES, _NEXT_T),
        _timm("mobilenet_v2", "MobileNet.V2", "mobilenetv2_100", MOBILE_SITES, _SANDLER),
        _timm("efficientnet_b0", "EfficientNet B0", "efficientnet_b0", MOBILE_SITES, _TAN),
        # PVT of the first version is in no library that is kept up; its second stands for it
        _timm("pvt_tiny", "PVT-T", "pvt_v2_b1", PVT_SITES, _WANG),
        _timm("cait_xxs24", "CaiT-XXS-24", "cait_xxs24_224", CAIT_SITES, _CAIT, "tokens"),
        # a teacher: far too large to be trained here
        _timm(
            *("nfnet_f6", "NFNet-F6", "dm_nfnet_f6", NFNET_SITES, _BROCK),
            timm="dm_nfnet_f6.dm_in1k",
        ),
    ),
)


def backbone(name: str) -> Backbone:
    """The row of a name.

    Raises:
        KeyError: no such network; the message names the nearest one.

    Example:
        >>> backbone("resnet50").title
        'R-50'
    """
    return BACKBONES[name]


def build(name: str, classes: int, seed: int, drop_path: float = 0.0) -> nn.Module:
    """A freshly initialized classifier [B, 3, H, W] -> [B, classes].

    Initial weights depend on ``seed`` only: layers draw from torch's global generator, which is
    seeded for the construction and put back afterwards.

    Args:
        name: a row of the catalog.
        classes: outputs of the classifier.
        seed: of the initial weights.
        drop_path: largest probability that stochastic depth (Huang et al., ECCV 2016) leaves a
            residual branch out in training; it grows with depth.

    Raises:
        ValueError: the network has no stochastic depth.
    """
    import torch

    from mixlib.seed import derive

    row = backbone(name)
    check_drop_path(row, drop_path)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "weights", name))
        if row.family == "own":
            return _build_own(row.name, classes)
        if row.family == "timm":
            import timm

            return timm.create_model(
                row.options["model"], num_classes=classes, drop_path_rate=drop_path
            )
        if row.family == "vit":
            from timm.models.vision_transformer import VisionTransformer

            return VisionTransformer(num_classes=classes, drop_path_rate=drop_path, **row.options)
        if row.family == "residual":
            from mixlib.models.cifar_resnets import ResidualNet

            return ResidualNet(classes, **row.options)
        return _build_resnet(row, classes, drop_path)


def check_drop_path(row: Backbone, drop_path: float) -> None:
    """Refuses stochastic depth where a network has none.

    Raises:
        ValueError: names the network.
    """
    if drop_path and row.family == "residual":
        raise ValueError(f"{row.name} has no stochastic depth: expected drop_path 0")


def _build_own(path: str, classes: int) -> nn.Module:
    """What the function at "package.module:function" makes.

    Raises:
        LookupError: no such module, or no such function in it.
        TypeError: it makes no module.
    """
    from torch import nn

    from mixlib.core.method import resolve

    try:
        make = resolve(path)
    except AttributeError:
        module, _, function = path.partition(":")
        raise LookupError(f"expected a function {function} in {module}, found none") from None
    model = _called(make, classes)
    if not isinstance(model, nn.Module):
        raise TypeError(f"expected {path} to make a torch.nn.Module, found {type(model).__name__}")
    return model


def _called(make: Callable[..., Any], classes: int) -> Any:
    """What a function makes of a number of classes; torchvision's and timm's, which begin with
    their published weights, get it by its name, and random weights."""
    known = inspect.signature(make).parameters
    first = next(iter(known), "")
    named = "num_classes" in known or first in ("weights", "pretrained")
    return make(num_classes=classes) if named else make(classes)


def _build_resnet(row: Backbone, classes: int, drop_path: float) -> nn.Module:
    from timm.models.resnet import BasicBlock, Bottleneck, ResNet
    from torch import nn

    options = dict(row.options)
    blocks: dict[str, Any] = {"basic": BasicBlock, "bottleneck": Bottleneck}
    block = blocks[options.pop("block")]
    width = options.pop("stem_width", 64)
    model: Any = ResNet(
        block, num_classes=classes, zero_init_last=False, drop_path_rate=drop_path, **options
    )
    if width != 64:
        # timm's plain stem is always 64 wide, which would cost a narrow network more than all its
        # stages
        model.bn1 = nn.BatchNorm2d(width)
        model.layer1[0] = block(width, options["channels"][0])
    if row.stem != "imagenet":
        stride = 1 if row.stem == "cifar" else 2
        model.conv1 = nn.Conv2d(3, width, 3, stride, 1, bias=False)
    if row.stem in ("cifar", "dense"):
        model.maxpool = nn.Identity()
    model.init_weights(zero_init_last=False)
    return model
