"""No training of this project runs a convolution that ends the process on AVX-512 processors."""

from __future__ import annotations

import copy
import signal
import subprocess
import sys
import warnings
from dataclasses import replace

import pytest
import torch
from lightning.fabric import Fabric
from torch import nn

from mixlib.catalog import build as builder
from mixlib.core.net import Net
from mixlib.models.backbones import BACKBONES, build
from mixlib.models.strided_pointwise import (
    StridedPointwise,
    affected,
    avoid_narrow_strided_pointwise,
)
from mixlib.training.fit import fit
from mixlib.training.recipes import RECIPES
from tests.convolutions import Convolutions

SMALLEST = """
import torch
from torch import nn
torch.set_num_threads(1)
conv = nn.Conv2d(8, 16, 1, stride=2, bias=False).to(memory_format=torch.channels_last)
for _ in range(200):
    x = torch.randn(2, 8, 40, 54).contiguous(memory_format=torch.channels_last).requires_grad_()
    conv(x).square().sum().backward()
"""


class NarrowResNet(nn.Module):
    """Two stages joined by a strided 1 x 1 convolution of 8 channels, as in a ResNet of width 8."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.main = nn.Conv2d(8, 16, 3, stride=2, padding=1)
        self.downsample = nn.Conv2d(8, 16, 1, stride=2, bias=False)
        self.fc = nn.Linear(16, 2)

    def forward(self, x):
        x = self.conv1(x)
        return self.fc((self.main(x) + self.downsample(x)).mean((2, 3)))


class Batches:
    """Two channels-last batches."""

    def __len__(self):
        return 2

    def epoch(self, e, start_step=0):
        for step in range(start_step, 2):
            x = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(step))
            yield x.contiguous(memory_format=torch.channels_last), torch.tensor([0, 1, 0, 1])


def test_the_smallest_crashing_convolution_still_crashes():
    if torch.backends.cpu.get_cpu_capability() != "AVX512":
        pytest.skip("the convolution crashes on processors with AVX-512 only; this one has none")
    command = [sys.executable, "-c", SMALLEST]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == -signal.SIGSEGV:
        return
    assert done.returncode == 0, done.stderr
    warnings.warn(
        f"torch {torch.__version__} no longer crashes on this AVX-512 processor: "
        "mixlib.models.strided_pointwise may go if others agree",
        stacklevel=1,
    )


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("stride", [2, (2, 1), (1, 3), 3])
@pytest.mark.parametrize("channels_last", [False, True])
def test_it_is_the_convolution(bias, stride, channels_last):
    conv = nn.Conv2d(8, 16, 1, stride=stride, bias=bias).double()
    ours = nn.Sequential(copy.deepcopy(conv))
    avoid_narrow_strided_pointwise(ours)
    assert type(ours[0]) is StridedPointwise
    x = torch.randn(2, 8, 7, 10, dtype=torch.double)
    inputs = [x.clone().requires_grad_() for _ in range(2)]
    given = inputs[0]
    if channels_last:
        given = given.contiguous(memory_format=torch.channels_last)
        ours.to(memory_format=torch.channels_last)
    found, expected = ours(given), conv(inputs[1])
    torch.testing.assert_close(found, expected)
    found.cos().sum().backward()
    expected.cos().sum().backward()
    torch.testing.assert_close(inputs[0].grad, inputs[1].grad)
    for a, b in zip(ours.parameters(), conv.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad)


def test_names_and_tensors_stay():
    net = NarrowResNet()
    before = {name: value.data_ptr() for name, value in net.state_dict().items()}
    avoid_narrow_strided_pointwise(net)
    assert {name: value.data_ptr() for name, value in net.state_dict().items()} == before


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(16, 8, 1, stride=2),
        nn.Conv2d(8, 8, 3, stride=2),
        nn.Conv2d(8, 8, 1),
        nn.Conv2d(8, 8, 1, stride=2, groups=2),
        nn.Conv2d(8, 8, 1, stride=2, padding=1),
    ],
    ids=str,
)
def test_other_layers_are_not_touched(layer):
    avoid_narrow_strided_pointwise(layer)
    assert type(layer) is nn.Conv2d


@pytest.mark.parametrize("name", BACKBONES)
def test_no_network_of_the_catalog_keeps_one(name):
    with torch.device("meta"):
        net = build(name, 10, 0)
    avoid_narrow_strided_pointwise(net)
    assert not [path for path, module in net.named_modules() if affected(module)]
    for path, module in net.named_modules():
        if isinstance(module, nn.Conv2d) and module.groups > 1:
            # the fault of grouped ones is unknown: the catalog has none of a kernel of one pixel
            assert module.kernel_size != (1, 1), path


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("method", ["vanilla", "cutmix", "puzzlemix", "automix"])
def test_the_training_loop_runs_none(method, channels_last):
    recipe = replace(
        RECIPES["cifar"], epochs=1, batch=4, lr=0.01, warmup_epochs=0, channels_last=channels_last
    )
    net = Net(NarrowResNet(), {"stage3": "main", "last": "main"})
    objective = builder.objective(method, net, {}, recipe, steps=2, seed=0)
    with Convolutions() as seen:
        fit(
            objective,
            Batches(),
            Batches(),
            recipe,
            seed=0,
            fabric=Fabric(accelerator="cpu", devices=1),
        )
    assert seen.count
    assert not seen.affected
