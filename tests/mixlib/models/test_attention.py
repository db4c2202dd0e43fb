"""Attention of transformers whose tokens lie otherwise: registers, distillation tokens, no class
token, images that are no squares, wherever attention is read; and how attention that was read
before mixing by hand compares."""

from __future__ import annotations

import pytest
import timm
import torch

import mixlib
from downstream.attention.class_token import class_attention as by_layer
from mixlib.catalog.methods import METHODS
from mixlib.core.labels import CrossEntropy
from mixlib.core.method import resolve
from mixlib.core.net import Net
from mixlib.core.objective import MixOnce
from mixlib.methods.automix.features import probe
from mixlib.methods.decoupledmix import Decoupled
from mixlib.methods.mixup import mixup
from mixlib.methods.tokenlabel import TokenLabels
from mixlib.methods.transmix import TransMix
from mixlib.models.attention import TokenLayout, attention_map, last_attention, token_layout
from mixlib.models.wrap import wrap

LAYOUTS = {
    "plain": ({}, (32, 32), 1),
    "registers": ({"reg_tokens": 4}, (32, 32), 5),
    "wide": ({"img_size": (32, 64)}, (32, 64), 1),
    "wide, registers": ({"img_size": (32, 64), "reg_tokens": 4}, (32, 64), 5),
    "any size": ({"dynamic_img_size": True}, (16, 64), 1),
    "distilled": ({"name": "deit_tiny_distilled_patch16_224"}, (32, 32), 2),
    "distilled, wide": (
        {"name": "deit_tiny_distilled_patch16_224", "img_size": (64, 32)},
        (64, 32),
        2,
    ),
}
CLASSES, B = 5, 4


def vit(**words):
    torch.manual_seed(0)
    words = {"img_size": 32, "patch_size": 8, "depth": 2, "num_classes": CLASSES} | words
    return timm.create_model(words.pop("name", "vit_tiny_patch16_224"), **words)


def batch(size):
    return torch.rand(B, 3, *size, generator=torch.Generator().manual_seed(1)), torch.arange(B)


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def read_by_hand(model, x):
    """Attention of the last block as a loop over the samples reads it: [B, h, w]."""
    net = wrap(model, attention=True)
    prefix = token_layout(model).prefix
    rows, maps = x.shape[-2] // 8, []
    for one in x:
        model.eval()
        with torch.no_grad():
            _, seen = net(one[None], tap=("attention",))
        row = seen["attention"][0, :, 0, prefix:].mean(0)
        maps.append(row.reshape(rows, len(row) // rows))
    return torch.stack(maps)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_network_is_asked_for_prefix_and_grid(layout):
    words, size, prefix = LAYOUTS[layout]
    model = vit(**words)
    assert token_layout(model).prefix == prefix
    assert token_layout(torch.nn.Sequential(model)) == token_layout(model)
    x, _ = batch(size)
    expected = read_by_hand(model, x)
    assert expected.shape[1:] == (size[0] // 8, size[1] // 8)
    net = wrap(model, attention=True)
    found = attention_map(net.features(x, "attention"), token_layout(model), size)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(by_layer(model, x, normalized=False)[-1], expected)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_tokenmix_labels_each_sample_by_its_own_map(layout):
    words, size, _ = LAYOUTS[layout]
    model = vit(**words)
    x, y = batch(size)
    maps = read_by_hand(model, x)
    maps = maps / maps.sum((1, 2), keepdim=True)
    mix = mixlib.build("tokenmix", net=model, grid=4)(x, y, rng()).mix
    mask = mix.dense(tuple(maps.shape[1:]))
    expected = torch.stack([(mask[b] * maps[mix.source[b]]).sum((1, 2)) for b in range(B)])
    torch.testing.assert_close(mix.weight, expected, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(mix.weight.sum(1), torch.ones(B), atol=0.05, rtol=0)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_transmix_labels_sum_to_one(layout):
    words, size, prefix = LAYOUTS[layout]
    net = wrap(vit(**words), attention=True).eval()
    x, y = batch(size)
    objective = MixOnce(net, mixlib.policy("cutmix"), Decoupled(TransMix()))
    rule = objective.rule.rule
    assert rule.layout.prefix == prefix
    step = objective(x, y, rng())
    assert step.loss.isfinite()
    _, seen = net(x, tap=("attention",))
    row = attention_map(seen["attention"], rule.layout, size).flatten(1)
    shares = rule.reweighted(step.mix, row).weight
    torch.testing.assert_close(shares.sum(1), torch.ones(B), atol=1e-5, rtol=0)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_token_labels_and_automix_leave_all_prefix_tokens_out(layout):
    words, size, prefix = LAYOUTS[layout]
    net = Net(vit(**words), {"last": "norm"}, head="head", layout="tokens")
    x, _ = batch(size)
    count = size[0] * size[1] // 64
    objective = TokenLabels(net, None, mixlib.policy("cutmix"))
    targets = torch.rand(B, CLASSES, 1 + count).softmax(1)
    assert objective.learn(x, targets, rng()).loss.isfinite()
    assert objective.predictor()(x).shape == (B, CLASSES)
    if "wide" not in layout:
        assert probe(net, "last", 32).prefix == prefix


@pytest.mark.parametrize("name", ["transmix", "tla", "mixpro"])
@pytest.mark.parametrize("size", [(48, 48), (32, 64)])
def test_images_of_another_size_than_the_networks_mixed_by_a_mask_without_shape(name, size):
    rule = resolve(METHODS[name].path(METHODS[name].rule))()
    objective = MixOnce(wrap(vit(dynamic_img_size=True), attention=True), mixup(), rule)
    step = objective(*batch(size), rng())
    plain = MixOnce(objective.net, mixup())(*batch(size), rng())
    torch.testing.assert_close(step.loss, plain.loss)


def test_attention_is_read_before_its_dropout():
    net = wrap(vit(attn_drop_rate=0.5), attention=True).train()
    _, seen = net(batch((32, 32))[0], tap=("attention",))
    rows = seen["attention"].sum(-1)
    torch.testing.assert_close(rows, torch.ones_like(rows))


def test_no_class_token_is_refused_before_training():
    model = vit(class_token=False, global_pool="avg")
    x, y = batch((32, 32))
    for ask in (
        lambda: wrap(model, attention=True),
        lambda: mixlib.build("tokenmix", net=model)(x, y, rng()),
        lambda: TokenLabels(Net(model, layout="tokens"), None, mixlib.policy("cutmix")),
        lambda: by_layer(model, x),
    ):
        with pytest.raises(ValueError, match="class token"):
            ask()
    assert last_attention(vit(class_token=True)) == "blocks.1.attn.attn_drop"


def test_networks_that_drop_patches_have_no_map():
    net = wrap(vit(patch_drop_rate=0.5), attention=True).train()
    x, y = batch((32, 32))
    objective = MixOnce(net, mixlib.policy("cutmix"), TransMix(CrossEntropy()))
    with pytest.raises(ValueError, match="4 x 4, found 8 tokens behind 1 prefix"):
        objective(x, y, rng())
    with pytest.raises(ValueError, match="a square grid, found 8"):
        TokenLayout().grid_of(8)
