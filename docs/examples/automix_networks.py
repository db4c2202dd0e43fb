"""One AutoMix training step with networks of timm and torchvision.

Small images and short networks, so that all of them take seconds; the sites are those of the full
ones (in a ViT of 12 blocks, "blocks.5" for the paper's 6 of 12).
"""

from collections.abc import Callable

import timm
import torch
import torchvision
from torch import nn

from mixlib.core.net import Net
from mixlib.methods.automix import PRESETS, AutoMix, Features

SIDE, CLASSES = 64, 10


def of_timm(name: str, **options: object) -> Callable[[], nn.Module]:
    return lambda: timm.create_model(name, num_classes=CLASSES, **options)


VIT = {"img_size": SIDE, "depth": 4}
SWIN = {"img_size": SIDE, "window_size": 2, "depths": (1, 1, 1, 1), "embed_dim": 48}
NETWORKS: dict[str, tuple[Callable[[], nn.Module], Features]] = {
    "timm ResNet": (of_timm("resnet10t"), Features("layer3", 256)),
    "torchvision ResNet": (
        lambda: torchvision.models.resnet18(num_classes=CLASSES),
        Features("layer3", 256),
    ),
    "ViT": (of_timm("vit_tiny_patch16_224", **VIT), Features("blocks.1", 192, "tokens", prefix=1)),
    "DeiT": (
        of_timm("deit_tiny_patch16_224", **VIT),
        Features("blocks.1", 192, "tokens", prefix=1),
    ),
    "Swin": (
        of_timm("swin_tiny_patch4_window7_224", **SWIN),
        Features("layers.2", 192, "channels_last"),
    ),
    "ConvNeXt": (of_timm("convnext_atto"), Features("stages.2", 160)),
}

for name, (create, features) in NETWORKS.items():
    data = torch.Generator().manual_seed(0)
    x = torch.randn(4, 3, SIDE, SIDE, generator=data)
    y = torch.randint(CLASSES, (4,), generator=data)
    automix = AutoMix(Net(create()), features, PRESETS["paper"].spec, steps=1).train()
    groups = automix.groups()
    optimizer = torch.optim.SGD([{"params": group} for group in groups.values()], lr=0.01)
    step = automix(x, y, torch.Generator().manual_seed(1))
    step.loss.backward()
    optimizer.step()
    automix.update_teacher(0)
    cells = x.shape[-1] // automix.look(x).shape[-1]
    trained = type(automix.predictor()).__name__
    print(f"{name}: cells of {cells} pixels, loss {step.loss:.2f}, reports a {trained}")
