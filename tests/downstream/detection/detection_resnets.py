"""Which small ResNets do the detector's tests build on?"""

import torch
from torch import nn
from torchvision.models.resnet import BasicBlock, Bottleneck


class SmallResNet(nn.Module):
    """A ResNet with torchvision's child names, of any block, depth and width."""

    def __init__(self, block, depths: tuple[int, ...], width: int, seed: int = 0):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
            self.bn1 = nn.BatchNorm2d(width)
            self.relu = nn.ReLU(inplace=True)
            self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
            channels = width
            for number, depth in enumerate(depths):
                planes = width << number
                blocks = []
                for place in range(depth):
                    stride = 2 if number and not place else 1
                    outer = planes * block.expansion
                    down = None
                    if stride > 1 or channels != outer:
                        conv = nn.Conv2d(channels, outer, 1, stride=stride, bias=False)
                        down = nn.Sequential(conv, nn.BatchNorm2d(outer))
                    blocks.append(block(channels, planes, stride, down))
                    channels = outer
                setattr(self, f"layer{number + 1}", nn.Sequential(*blocks))
            self.fc = nn.Linear(channels, 10)


def tiny_basic(width: int = 16, depth: int = 1) -> SmallResNet:
    return SmallResNet(BasicBlock, (depth,) * 4, width)


def tiny_bottleneck(width: int = 4) -> SmallResNet:
    """The layout of ResNet-50 with `width` instead of 64 channels in the stem."""
    return SmallResNet(Bottleneck, (3, 4, 6, 3), width)
