"""Are the networks for 32 pixels those of their papers: sizes, shapes, where they activate?"""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from mixlib.catalog import build as builder
from mixlib.models import backbones
from mixlib.models.cifar_resnets import Plain, PreActivated, ResidualNet

NAMES = [name for name, row in backbones.BACKBONES.items() if row.family == "residual"]


def millions(model) -> float:
    return sum(p.numel() for p in model.parameters()) / 1e6


@pytest.mark.parametrize(
    ("layers", "channels", "block", "printed"),
    [
        # He et al., CVPR 2016, table 6: ResNet-20, -56 and -110 on CIFAR-10
        ((3, 3, 3), (16, 32, 64), "plain", 0.27),
        ((9, 9, 9), (16, 32, 64), "plain", 0.85),
        ((18, 18, 18), (16, 32, 64), "plain", 1.7),
        # Zagoruyko and Komodakis, BMVC 2016, table 4: WRN-40-4, WRN-16-8, WRN-28-10
        ((6, 6, 6), (64, 128, 256), "pre", 8.9),
        ((2, 2, 2), (128, 256, 512), "pre", 11.0),
        ((4, 4, 4), (160, 320, 640), "pre", 36.5),
    ],
)
def test_parameters_are_as_printed(layers, channels, block, printed):
    with torch.device("meta"):
        found = millions(ResidualNet(10, layers, channels, block, stem_width=16))
    digits = 2 if printed < 1 else 1
    assert found == pytest.approx(printed, abs=0.6 * 10**-digits)


@pytest.mark.parametrize("name", NAMES)
def test_sites_and_head(name):
    net = builder.net(name, 7, seed=0)
    net.eval()
    x = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    logits, seen = net(x, tap=tuple(net.sites))
    sides = [seen[site].shape[-1] for site in net.sites if site != "last"]
    assert sides == [32, 16, 8, 4][: len(sides)]
    # "last" is what the classifier averages
    assert net.head_path() == "fc"
    torch.testing.assert_close(net.last_linear()(seen["last"].mean((2, 3))), logits)
    assert seen["last"].min() >= 0
    assert net.place("last") is not net.place("stage1")


def test_names_count_layers():
    depth = {"resnet56": 56, "wrn28_2": 28, "wrn28_8": 28}
    depth |= {"preact18": 18, "preact34": 34, "preact50": 50}
    assert set(NAMES) == set(depth)
    for name, expected in depth.items():
        row = backbones.BACKBONES[name].options
        per_block = 3 if row["block"] == "pre_bottleneck" else 2
        # beside stem and blocks: the linear layer, or a wide network's three projections
        rest = 3 if name.startswith("wrn") else 1
        assert 1 + per_block * sum(row["layers"]) + rest == expected


def test_activation_lies_behind_or_before():
    x = torch.randn(2, 8, 6, 6, generator=torch.Generator().manual_seed(1))
    plain, before = Plain(8, 8, 1).eval(), PreActivated(8, 8, 1, 1).eval()
    torch.nn.init.zeros_(plain.conv2.weight)
    torch.nn.init.zeros_(before.convs[-1].weight)
    torch.testing.assert_close(plain(x), F.relu(x))
    # the sum of a pre-activated block is left as it is
    assert torch.equal(before(x), x)


def test_shortcuts_where_the_shape_changes():
    x = torch.randn(2, 4, 6, 6, generator=torch.Generator().manual_seed(2))
    block = Plain(4, 8, 2)
    assert not list(block.shortcut.parameters())
    around = block.shortcut(x)
    assert torch.equal(around[:, :4], x[:, :, ::2, ::2])
    assert not around[:, 4:].any()
    neck = PreActivated(4, 3, 2, 4).eval()
    assert neck(x).shape == (2, 12, 3, 3)
    assert neck.shortcut.weight.shape == (12, 4, 1, 1)
    # it reads the activated input: where that is zero, nothing comes around
    with torch.no_grad():
        assert not neck(x.abs().neg() - 1).any()


def test_every_stage_needs_its_width():
    with pytest.raises(ValueError, match="one width per stage"):
        ResidualNet(10, (1, 1), (8, 8, 8), "plain", 8)


@pytest.mark.parametrize("name", ["resnet56", "wrn28_2", "preact18"])
def test_a_few_steps_fit_a_few_images(name):
    rng = torch.Generator().manual_seed(3)
    x, y = torch.randn(6, 3, 32, 32, generator=rng), torch.arange(6)
    model = backbones.build(name, 6, seed=1).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    losses = []
    for _ in range(8):
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0], losses
