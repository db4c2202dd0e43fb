"""Sizes of the networks against their papers', sites that exist, and stochastic depth.

Networks are built on torch's meta device: their shapes are there and their numbers are not.
"""

from __future__ import annotations

import pytest
import torch
from timm.layers import DropPath

from mixlib.core.net import Net
from mixlib.models.backbones import BACKBONES, backbone, build

# millions of parameters with 1000 classes as the networks' own papers (or timm for NFNet) print
# them, to the digits printed
PARAMETERS = {
    "resnet18": 11.7,
    "resnet34": 21.8,
    "resnet50": 25.6,
    "resnet101": 44.5,
    "resnext50": 25.0,
    "resnext101": 44.2,
    "mobilenet_v2": 3.5,
    "efficientnet_b0": 5.3,
    "deit_tiny": 5.7,
    "deit_small": 22.1,
    "deit_base": 86.6,
    "swin_tiny": 28.3,
    "convnext_tiny": 28.6,
    "cait_xxs24": 12.0,
    "pvt_tiny": 14.0,
    "nfnet_f6": 438.4,
}
# of AutoMix' Table 11, whose Tiny-ImageNet has 200 classes
AUTOMIX = {"resnet18_cifar": 11.27, "resnext50_cifar": 23.38}
# of Zagoruyko and Komodakis, Table 4 (CIFAR-100): WRN-28-10 has 36.5, so 28-8 some 0.64 of it
WIDE = {"wrn28_8": 23.4, "wrn28_2": 1.5}


def millions(name: str, classes: int) -> float:
    with torch.device("meta"):
        model = build(name, classes, seed=0)
    return sum(parameter.numel() for parameter in model.parameters()) / 1e6


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_are_the_papers(name):
    assert millions(name, 1000) == pytest.approx(PARAMETERS[name], abs=0.051)


@pytest.mark.parametrize("name", AUTOMIX)
def test_parameters_of_cifar_networks_are_automix(name):
    assert millions(name, 200) == pytest.approx(AUTOMIX[name], abs=0.015)


@pytest.mark.parametrize("name", WIDE)
def test_parameters_of_wide_networks(name):
    assert millions(name, 100) == pytest.approx(WIDE[name], abs=0.051)


@pytest.mark.parametrize("name", BACKBONES)
def test_every_named_site_of_every_network_exists(name):
    row = backbone(name)
    with torch.device("meta"):
        net = Net(build(name, 10, seed=0), row.sites, layout=row.layout)
    for site in row.sites:
        assert net.place(site)


DEEP = [name for name, row in BACKBONES.items() if row.family != "residual"]


@pytest.mark.parametrize("name", DEEP)
def test_stochastic_depth_is_off_unless_asked_for_and_grows_with_depth(name):
    def rates(drop_path: float) -> list[float]:
        with torch.device("meta"):
            model = build(name, 10, seed=0, drop_path=drop_path)
        return [
            float(part.drop_prob or 0) for part in model.modules() if isinstance(part, DropPath)
        ]

    assert not any(rates(0.0))
    asked = rates(0.2)
    assert max(asked) == pytest.approx(0.2, abs=0.02)
    assert asked == sorted(asked)


def test_a_network_without_stochastic_depth_refuses_it():
    with pytest.raises(ValueError, match="preact18 has no stochastic depth"):
        build("preact18", 10, seed=0, drop_path=0.1)
