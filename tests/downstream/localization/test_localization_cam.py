"""Is the map the classifier's own evidence, position by position?"""

import numpy as np
import pytest
import torch

from downstream.localization.cam import NoMapError, activation_maps
from mixlib.catalog import build as builder
from mixlib.core.net import Net

POOLED = ["resnet10_w16", "resnet10_w16_dense", "resnext10_dense", "resnet18_cifar"]


def batch(size=64, count=3):
    rng = torch.Generator().manual_seed(0)
    return torch.randn(count, 3, size, size, generator=rng), torch.arange(count)


@pytest.mark.parametrize("name", POOLED)
def test_the_map_is_the_weighted_feature_map_and_its_mean_the_logit(name):
    net = builder.net(name, 5, seed=0)
    x, y = batch(32)
    maps = activation_maps(net, [(x, y)])
    net.eval()
    with torch.no_grad():
        logits, seen = net(x, tap=("last",))
        head = net.last_linear()
        wanted = torch.einsum("bkhw,bk->bhw", seen["last"], head.weight[y])
        evidence = (logits - head.bias).gather(1, y[:, None]).squeeze(1)
    np.testing.assert_allclose(maps, wanted.numpy(), atol=1e-5)
    np.testing.assert_allclose(maps.mean((1, 2)), evidence.numpy(), atol=1e-5)


def test_other_families_with_global_pooling_have_maps():
    x, y = batch(64, 2)
    small = {"swin_tiny": 224}
    for name in ("convnext_tiny", "swin_tiny"):
        net = builder.net(name, 4, seed=0)
        size = small.get(name, 64)
        images = torch.nn.functional.interpolate(x, size)
        maps = activation_maps(net, [(images, y)])
        assert maps.shape == (2, size // 32, size // 32)
        assert np.isfinite(maps).all()


def test_a_network_without_global_pooling_is_refused():
    net = builder.net("deit_tiny", 4, seed=0)
    with pytest.raises(NoMapError, match="need a network with global pooling"):
        activation_maps(net, [batch(224, 1)])


def test_a_site_before_the_last_map_is_refused():
    with pytest.raises(NoMapError, match="expected global average pooling behind site 'stage3'"):
        activation_maps(builder.net("resnet10_w16", 5, seed=0), [batch()], "stage3")


def test_the_network_is_left_as_it_was():
    net = builder.net("resnet10_w16", 5, seed=0).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    activation_maps(net, [batch()])
    assert net.training
    assert all(parameter.requires_grad for parameter in net.parameters())
    assert all(parameter.grad is None for parameter in net.parameters())
    for name, value in net.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)


def test_a_strided_torchvision_network_needs_no_catalog_row():
    from torchvision.models import resnet18

    torch.manual_seed(0)
    maps = activation_maps(Net(resnet18(num_classes=4)), [batch(64, 2)], "layer4")
    assert maps.shape == (2, 2, 2)


def test_no_image_is_refused():
    with pytest.raises(ValueError, match="found an empty dataset"):
        activation_maps(builder.net("resnet10_w16", 5, seed=0), [])
