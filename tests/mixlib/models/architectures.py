"""Image classifiers of timm, torchvision and Hugging Face, as small as their families allow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import timm
import torchvision
from timm.models import mlp_mixer
from timm.models.convmixer import ConvMixer
from torch import nn
from torchvision.models import convnext, densenet, maxvit, swin_transformer, vgg, vision_transformer

CLASSES = 5
SMALL: dict[str, Any] = {"img_size": 64, "patch_size": 16, "embed_dim": 48, "depth": 6}


def of_timm(name: str, **words: Any) -> Callable[[], nn.Module]:
    return lambda: timm.create_model(name, num_classes=CLASSES, **words)


def of_torchvision(name: str, **words: Any) -> Callable[[], nn.Module]:
    return lambda: torchvision.models.get_model(name, num_classes=CLASSES, weights=None, **words)


def _vgg() -> nn.Module:
    wide: list[Any] = [8, "M", 8, "M", 16, "M", 16, "M", 24, "M"]
    model = vgg.VGG(vgg.make_layers(wide, batch_norm=True), num_classes=CLASSES)
    model.avgpool, model.classifier = nn.AdaptiveAvgPool2d(1), nn.Linear(24, CLASSES)
    return model


def _convnext() -> nn.Module:
    blocks = [
        convnext.CNBlockConfig(8, 12, 1),
        convnext.CNBlockConfig(12, 16, 1),
        convnext.CNBlockConfig(16, 20, 2),
        convnext.CNBlockConfig(20, None, 1),
    ]
    return convnext.ConvNeXt(blocks, num_classes=CLASSES)


def _swin(version: int) -> nn.Module:
    block = (
        swin_transformer.SwinTransformerBlock,
        swin_transformer.SwinTransformerBlockV2,
    )[version - 1]
    down = (swin_transformer.PatchMerging, swin_transformer.PatchMergingV2)[version - 1]
    return swin_transformer.SwinTransformer(
        [4, 4], 12, [1, 1, 2, 1], [2, 2, 2, 2], [2, 2],
        num_classes=CLASSES, block=block, downsample_layer=down,
    )  # fmt: skip


# name -> constructor; a network that takes one size only takes 64 x 64
CONVOLUTIONAL: dict[str, Callable[[], nn.Module]] = {
    "timm resnet10t": of_timm("resnet10t"),
    "timm test_resnet": of_timm("test_resnet"),
    "timm test_byobnet": of_timm("test_byobnet"),
    "timm test_efficientnet": of_timm("test_efficientnet"),
    "timm test_convnext": of_timm("test_convnext"),
    "timm test_nfnet": of_timm("test_nfnet"),
    "timm test_mambaout": of_timm("test_mambaout"),
    "timm regnetx_002": of_timm("regnetx_002"),
    "timm regnety_002": of_timm("regnety_002"),
    "timm mobilenetv2_035": of_timm("mobilenetv2_035"),
    "timm mobilenetv3_small_050": of_timm("mobilenetv3_small_050"),
    "timm lcnet_035": of_timm("lcnet_035"),
    "timm tinynet_e": of_timm("tinynet_e"),
    "timm ghostnet_050": of_timm("ghostnet_050"),
    "timm edgenext_xx_small": of_timm("edgenext_xx_small"),
    "timm mobilevit_xxs": of_timm("mobilevit_xxs"),
    "timm pvt_v2_b0": of_timm("pvt_v2_b0"),
    "timm convmixer": lambda: ConvMixer(16, 4, num_classes=CLASSES),
    "timm swin": of_timm(
        "swin_tiny_patch4_window7_224",
        img_size=64,
        window_size=2,
        embed_dim=12,
        depths=(1, 1, 2, 1),
    ),
    "torchvision resnet18": of_torchvision("resnet18"),
    "torchvision regnet_y_400mf": of_torchvision("regnet_y_400mf"),
    "torchvision shufflenet_v2_x0_5": of_torchvision("shufflenet_v2_x0_5"),
    "torchvision mobilenet_v3_small": of_torchvision("mobilenet_v3_small"),
    "torchvision mnasnet0_5": of_torchvision("mnasnet0_5"),
    "torchvision squeezenet1_1": of_torchvision("squeezenet1_1"),
    "torchvision googlenet": of_torchvision("googlenet", init_weights=False),
    "torchvision densenet": lambda: densenet.DenseNet(8, (2, 2, 2, 2), 16, num_classes=CLASSES),
    "torchvision vgg": _vgg,
    "torchvision convnext": _convnext,
    "torchvision swin": lambda: _swin(1),
    "torchvision swin_v2": lambda: _swin(2),
    "torchvision maxvit": lambda: maxvit.MaxVit(
        (64, 64), 8, 2, [8, 16, 16, 16], [1, 1, 1, 1], 8, 0.0, num_classes=CLASSES
    ),
}
TOKENS: dict[str, Callable[[], nn.Module]] = {
    "timm vit": of_timm("vit_tiny_patch16_224", **SMALL),
    "timm vit, registers": of_timm("vit_tiny_patch16_224", reg_tokens=4, **SMALL),
    "timm vit, no class token": of_timm(
        "vit_tiny_patch16_224", class_token=False, global_pool="avg", **SMALL
    ),
    "timm deit, distilled": of_timm("deit_tiny_distilled_patch16_224", **SMALL),
    "timm beit": of_timm("beit_base_patch16_224", num_heads=3, **SMALL),
    "timm xcit": of_timm("xcit_nano_12_p16_224", **{**SMALL, "num_heads": 3}),
    "timm mixer": lambda: mlp_mixer.MlpMixer(CLASSES, 64, num_blocks=4, embed_dim=32),
    "timm resmlp": lambda: mlp_mixer.MlpMixer(
        CLASSES, 64, num_blocks=4, embed_dim=32, mlp_ratio=4, block_layer=mlp_mixer.ResBlock
    ),
    "torchvision vit": lambda: vision_transformer.VisionTransformer(
        64, 16, 4, 2, 16, 32, num_classes=CLASSES
    ),
}


def hugging_face() -> dict[str, Callable[[], nn.Module]]:
    """Classifiers of transformers with tiny configurations; none where it is not installed."""
    try:
        import transformers as hf
    except ImportError:
        return {}
    vit = {"hidden_size": 24, "num_hidden_layers": 4, "num_attention_heads": 2,
           "intermediate_size": 32, "image_size": 64, "patch_size": 16}  # fmt: skip
    four = {"hidden_sizes": [8, 12, 16, 20], "depths": [1, 1, 2, 1]}
    swin = {"image_size": 64, "embed_dim": 12, "depths": [1, 1, 2, 1],
            "num_heads": [2, 2, 2, 2], "window_size": 2}  # fmt: skip
    rows: dict[str, tuple[str, dict[str, Any]]] = {
        "ViT": ("ViT", vit),
        "DeiT": ("DeiT", vit),
        "BEiT": ("Beit", vit),
        "DINOv2": ("Dinov2", vit),
        "DINOv2, registers": ("Dinov2WithRegisters", {**vit, "num_register_tokens": 4}),
        "ViT-MSN": ("ViTMSN", vit),
        "Data2Vec": ("Data2VecVision", vit),
        "Swin": ("Swin", swin),
        "Swin v2": ("Swinv2", swin),
        "FocalNet": ("FocalNet", {"image_size": 64, "embed_dim": 12, "depths": [1, 1, 2, 1],
                                  "hidden_sizes": [12, 24, 48, 96]}),
        "ConvNeXt": ("ConvNext", four),
        "ConvNeXt v2": ("ConvNextV2", four),
        "ResNet": ("ResNet", {"embedding_size": 8, "layer_type": "basic", **four}),
        "RegNet": ("RegNet", {"embedding_size": 8, "groups_width": 4, **four}),
        "BiT": ("Bit", {"embedding_size": 8, "num_groups": 4, "hidden_sizes": [16, 32, 32, 32],
                        "depths": [1, 1, 2, 1]}),
        "MobileNet v1": ("MobileNetV1", {"depth_multiplier": 0.25}),
        "MobileNet v2": ("MobileNetV2", {"depth_multiplier": 0.35}),
        "MobileViT": ("MobileViT", {"hidden_sizes": [16, 20, 24], "image_size": 64,
                                    "neck_hidden_sizes": [8, 8, 12, 16, 16, 20, 24]}),
        "PoolFormer": ("PoolFormer", {"hidden_sizes": [8, 12, 16, 20], "depths": [1, 1, 2, 1]}),
        "PVT v2": ("PvtV2", {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 2, 1],
                             "num_attention_heads": [1, 1, 2, 2]}),
        "EfficientNet": ("EfficientNet", {"width_coefficient": 0.25, "depth_coefficient": 0.3,
                                          "hidden_dim": 320}),
        "LeViT": ("Levit", {"image_size": 64, "hidden_sizes": [32, 48, 64], "depths": [1, 1, 1]}),
    }  # fmt: skip

    def made(prefix: str, words: dict[str, Any]) -> Callable[[], nn.Module]:
        def make() -> nn.Module:
            config = getattr(hf, f"{prefix}Config")(num_labels=CLASSES, **words)
            return getattr(hf, f"{prefix}ForImageClassification")(config)

        return make

    return {f"Hugging Face {name}": made(*row) for name, row in rows.items()}
