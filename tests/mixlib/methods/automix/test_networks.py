"""AutoMix around networks of other libraries: heads, sites, layouts, and words of declarations."""

from __future__ import annotations

import pytest
import timm
import torch
import torchvision
from torch import nn

from mixlib.core.net import Net, graft, inference
from mixlib.methods.automix import (
    PRESETS,
    AutoMix,
    AutoMixSpec,
    Features,
    JointMix,
    Report,
    automix,
    automix_spec,
    in_pipeline,
)
from mixlib.methods.automix.features import probe
from mixlib.methods.cutmix import cutmix
from mixlib.methods.mixup import mixup
from mixlib.seed import generator
from tests.mixlib.methods.automix.golden_cases import tiny_resnet

SIDE = 64


def vit(name: str) -> nn.Module:
    return timm.create_model(name, num_classes=5, img_size=SIDE, depth=3, embed_dim=48)


NETWORKS = {
    "timm resnet": (
        lambda: timm.create_model("resnet10t", num_classes=5),
        Features("layer3", 256),
        "fc",
    ),
    "torchvision resnet18": (
        lambda: torchvision.models.resnet18(num_classes=5),
        Features("layer3", 256),
        "fc",
    ),
    "timm vit": (
        lambda: vit("vit_tiny_patch16_224"),
        Features("blocks.1", 48, "tokens", 1),
        "head",
    ),
    "timm deit": (
        lambda: vit("deit_tiny_patch16_224"),
        Features("blocks.1", 48, "tokens", 1),
        "head",
    ),
    "timm swin": (
        lambda: timm.create_model(
            "swin_tiny_patch4_window7_224",
            num_classes=5,
            img_size=SIDE,
            window_size=2,
            depths=(1, 1, 1, 1),
            embed_dim=24,
        ),
        Features("layers.2", 96, "channels_last"),
        "head.fc",
    ),
    "timm convnext": (
        lambda: timm.create_model("convnext_atto", num_classes=5),
        Features("stages.2", 160),
        "head.fc",
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_step_with_a_network_of_another_library(name):
    torch.manual_seed(0)
    create, features, head = NETWORKS[name]
    model = create()
    net = Net(model, layout=features.layout)
    assert net.head_path() == head
    assert probe(net, features.site, SIDE) == features
    objective = AutoMix(net, features, PRESETS["paper"].spec, steps=10).train()
    optim = torch.optim.SGD([p for g in objective.groups().values() for p in g], lr=0.01)
    x, y = torch.randn(4, 3, SIDE, SIDE), torch.tensor([0, 1, 2, 3])
    step = objective(x, y, generator(0, "mix"))
    step.loss.backward()
    assert all(p.grad is not None for g in objective.groups().values() for p in g)
    optim.step()
    objective.update_teacher(0)
    assert step.mix.mask.shape == (4, 2, SIDE, SIDE)
    predictor = objective.predictor()
    assert type(predictor) is type(model)
    assert predictor.state_dict().keys() == model.state_dict().keys()
    with inference(predictor):
        assert predictor(x).shape == (4, 5)


def test_the_wrapped_model_is_q_with_its_first_head():
    model = tiny_resnet()
    objective = AutoMix(Net(model), Features("layer3", 8), PRESETS["paper"].spec, steps=3)
    assert isinstance(model.fc, nn.Linear)
    assert objective.pair.q_heads["one"] is model.fc
    x = torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        model.conv1.weight.mul_(2)
    reported = objective.pair.classifier(Report("q", "one")).model
    with inference(model):
        expected = model(x)
    with inference(reported):
        assert torch.equal(reported(x), expected)


def test_grafting_leaves_the_original_alone():
    model = nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 3)), nn.ReLU())
    twin = graft(model, "0.1", nn.Identity())
    x = torch.randn(4, 2)
    assert twin(x).shape == (4, 2)
    assert model(x).shape == (4, 3)
    assert twin[0][0] is model[0][0]


def test_heads_that_cannot_be_found_are_refused():
    with pytest.raises(ValueError, match=r"no nn\.Linear"):
        Net(nn.Sequential(nn.Conv2d(3, 5, 1))).last_linear()
    with pytest.raises(TypeError, match=r"expected nn\.Linear"):
        Net(nn.Sequential(nn.ReLU()), head="0").last_linear()


def test_tokens_lie_on_the_grid_of_the_image():
    z = torch.arange(2 * 7 * 3.0).reshape(2, 7, 3)
    grid = Features("x", 3, "tokens", 1).as_map(z, (32, 48))
    assert grid.shape == (2, 3, 2, 3)
    assert torch.equal(grid[1, :, 1, 2], z[1, 6])
    with pytest.raises(ValueError, match="do not tile"):
        Features("x", 3, "tokens").as_map(z, (32, 64))
    with pytest.raises(ValueError, match="expected"):
        Features("x", 4).as_map(torch.zeros(1, 3, 2, 2), (8, 8))


def test_words_of_declarations():
    def network() -> Net:
        return Net(tiny_resnet(), {"stage2": "layer2", "stage3": "layer3"})

    def made(**params: object) -> AutoMixSpec:
        return automix_spec({"image": 16, **params})

    x, y = torch.randn(4, 3, 16, 16), torch.tensor([0, 1, 2, 3])
    objectives = [
        automix(network(), made(), steps=3),
        automix(network(), made(site="stage2", preset="released_cifar", alpha=1.0), steps=3),
        automix(
            network(),
            made(block={"embed_lam": False}, lam_weight={"start": 0.0}),
            steps=3,
            pipeline="mp0",
        ),
        automix(
            network(),
            made(
                one_hot=False,
                report={"network": "q", "head": "mix"},
                block={"upsample": "bilinear"},
            ),
            steps=3,
        ),
        automix(network(), made(), steps=3, pipeline="none"),
        in_pipeline(network(), mixup(), "ema", steps=3),
        in_pipeline(network(), cutmix(), "mp_ce", steps=3),
    ]
    for objective in objectives:
        objective.train()(x, y, generator(0, "mix")).loss.backward()
        objective.update_teacher(0)
        assert objective.predictor()(x).shape == (4, 5)
    assert objectives[1].spec.lam_margin == 0.08
    assert objectives[2].pair.momentum.max() == 0
    assert objectives[2].spec.report == Report("k", "mix")
    assert objectives[3].spec.report == Report("q", "mix")
    assert isinstance(objectives[4], JointMix)
    assert objectives[5].pair.statistics == "ema"


def test_words_that_no_spec_knows():
    with pytest.raises(KeyError, match="AutoMix preset"):
        automix_spec({"preset": "best"})
    with pytest.raises(TypeError, match=r"did you mean 'block\.embed_lam'"):
        automix_spec({"block": {"embed_lamb": False}})
    network, spec = Net(tiny_resnet(), {"stage3": "layer3"}), automix_spec({"image": 16})
    with pytest.raises(ValueError, match="none, mp0, mp and mp_ce"):
        automix(network, spec, steps=3, pipeline="ema")
    with pytest.raises(ValueError, match="has no average"):
        in_pipeline(Net(tiny_resnet()), mixup(), "none", steps=3)
