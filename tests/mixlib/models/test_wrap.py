"""Sites of models from elsewhere: named by their architecture, attention on request."""

from __future__ import annotations

import timm
import torch
from torch import nn

from mixlib.models.attention import last_attention
from mixlib.models.wrap import wrap


def test_a_resnet_of_timm_has_stages():
    net = wrap(timm.create_model("resnet10t", num_classes=3))
    assert net.layout == "channels_first"
    assert net.features(torch.zeros(1, 3, 32, 32), "stage3").shape[1] == 256
    assert wrap(net) is net


def test_attention_of_the_last_block_is_a_site():
    model = timm.create_model("vit_tiny_patch16_224", num_classes=3, img_size=32, depth=6)
    net = wrap(model, attention=True)
    assert net.layout == "tokens"
    place = last_attention(model)
    assert isinstance(model.get_submodule(place), nn.Module)
    _, seen = net(torch.zeros(2, 3, 32, 32), tap=("attention",))
    assert seen["attention"].shape[-2:] == (5, 5)
