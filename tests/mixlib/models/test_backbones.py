"""The catalog of backbones: sites exist, seeds decide the weights."""

from __future__ import annotations

import pytest
import torch

from mixlib.core.net import Net
from mixlib.models.backbones import BACKBONES, backbone, build

NARROW = [name for name in BACKBONES if name.startswith(("resnet10", "resnext10_"))]


@pytest.mark.parametrize("name", NARROW)
def test_every_named_site_exists_and_the_seed_decides(name):
    net = Net(build(name, 3, seed=1), BACKBONES[name].sites)
    for site in BACKBONES[name].sites:
        assert net.place(site)
    again, other = build(name, 3, seed=1), build(name, 3, seed=2)
    weight = net.model.conv1.weight
    assert torch.equal(weight, again.conv1.weight)
    assert not torch.equal(weight, other.conv1.weight)
    assert net(torch.zeros(2, 3, 32, 32))[0].shape == (2, 3)


def test_an_unknown_backbone_names_the_nearest():
    with pytest.raises(KeyError, match="did you mean 'resnet50'"):
        backbone("resnet500")


@pytest.mark.parametrize("path", ["torchvision.models:resnet18", "timm.models.resnet:resnet10t"])
def test_a_library_s_function_makes_so_many_classes_and_random_weights(path, monkeypatch):
    def download(*_args, **_words):
        raise AssertionError("published weights were asked for")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", download)
    model = build(path, 7, seed=1)
    assert model(torch.zeros(2, 3, 64, 64)).shape == (2, 7)
    assert torch.equal(model.fc.weight, build(path, 7, seed=1).fc.weight)
