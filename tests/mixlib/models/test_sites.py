"""Sites by structure: networks of timm, torchvision and Hugging Face (where it is installed), each
with every method that claims it; and what is said where no site is found."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

import mixlib
from mixlib.catalog.methods import METHODS
from mixlib.core.net import Net
from mixlib.models.attention import token_layout
from mixlib.models.probe import Passed, trace
from mixlib.models.sites import Through, as_place, candidates, find_head, find_sites
from mixlib.models.wrap import wrap
from tests.mixlib.models.architectures import CLASSES, CONVOLUTIONAL, TOKENS, hugging_face

NETWORKS = {**CONVOLUTIONAL, **TOKENS, **hugging_face()}
SIDE = 64
# methods that look into the network, with words that make them quick; the others see pixels alone,
# and one of them stands for all
INSIDE = {
    "cutmix": {},
    # once, where it is not the input
    "manifoldmix": {"sites": ("stage1",)},
    "alignmix": {},
    "attentivemix": {"side": None},
    "puzzlemix": {"blocks": (2,)},
    "comixup": {"sweeps": 1},
    "supermix": {"iterations": 1},
    "automix": {},
    "snapmix": {},
    "sumix": {},
    "tokenmix": {"grid": 4},
    "transmix": {},
    "tla": {"grid": 4},
    "mixpro": {"cell": 16},
    "smmix": {},
    "mergemix": {},
    "tokenlabel": {},
    "mixtoken": {},
    "relabel": {},
}
# networks whose logits no linear layer makes alone: two heads, a convolution
NO_HEAD = ("torchvision squeezenet1_1", "timm deit, distilled")
# networks whose last map has the channels that the last linear layer reads
READ_BY_HEAD = ("timm resnet10t", "timm regnetx_002", "torchvision resnet18", "torchvision vgg")


def reads_attention(name: str) -> bool:
    return (
        name.startswith("timm vit") and "no class" not in name
    ) or name == "timm deit, distilled"


def claims(method: str, name: str, net: Net) -> bool:
    """Whether a method says that it works with a network."""
    if method == "alignmix":
        return net.layout_of("stage4") != "tokens" and "stage4" in net.sites
    if method in ("tokenlabel", "mixtoken"):
        return reads_attention(name) or name == "timm beit"
    if method in ("tokenmix", "transmix", "tla", "mixpro", "smmix", "mergemix"):
        return reads_attention(name)
    if method == "snapmix":  # the map that the last linear layer reads
        return name in READ_BY_HEAD
    return method not in ("automix", "sumix") or name not in NO_HEAD


def first_step(method: str, model: nn.Module):
    words = dict(INSIDE[method])
    if "teacher" in METHODS[method].needs and method != "supermix":
        words["teacher"] = nn.Sequential(
            nn.Conv2d(3, 6, 3, 4, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, CLASSES)
        )
    objective = mixlib.objective(method, model, steps=2, **words)
    data = torch.Generator().manual_seed(0)
    x, y = torch.randn(2, 3, SIDE, SIDE, generator=data), torch.tensor([1, 4])
    step = objective(x, y)
    step.loss.backward()
    objective.update_teacher(0)
    return objective, step


@pytest.mark.parametrize("name", NETWORKS)
def test_every_method_that_claims_a_network_trains_it(name):
    torch.manual_seed(0)
    # looked at once, by every method anew in test_objectives
    net = wrap(NETWORKS[name]())
    assert {"stage1", "stage2", "last"} <= set(net.sites), net.sites
    ran = []
    for method in INSIDE:
        if not claims(method, name, net):
            if method not in ("snapmix", "sumix"):  # these may do with more than they name
                with pytest.raises((ValueError, KeyError)):
                    first_step(method, copy.deepcopy(net))
            continue
        objective, step = first_step(method, copy.deepcopy(net))
        assert step.loss.isfinite(), method
        gradients = [p.grad for g in objective.groups().values() for p in g if p.grad is not None]
        assert all(gradient.isfinite().all() for gradient in gradients), method
        assert any(gradient.abs().sum() > 0 for gradient in gradients), method
        ran.append(method)
    print(
        f"{name}: {len(ran)} methods; {net.layout}, prefix {token_layout(net).prefix};", net.sites
    )


def test_there_are_thirty_and_more():
    assert len({**CONVOLUTIONAL, **TOKENS}) >= 30


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_stages_end_at_coarser_and_coarser_maps(name):
    torch.manual_seed(0)
    net = wrap(CONVOLUTIONAL[name]())
    x, passed = trace(net.body)
    shapes = {one.path: one for one in passed}
    cells = []
    for site in sorted(set(net.sites) - {"last"}):
        place = as_place(shapes[net.sites[site]], (x.shape[-2], x.shape[-1]))
        assert place is not None, site
        assert place.layout == net.layout_of(site)
        cells.append(place.cells[0] * place.cells[1])
        assert Through(net.body, x)(place), f"something passes {site} by"
    assert cells == sorted(cells, reverse=True)


@pytest.mark.parametrize(("name", "prefix"), [
    ("timm vit", 1), ("timm vit, registers", 5), ("timm vit, no class token", 0),
    ("timm deit, distilled", 2), ("timm mixer", 0), ("torchvision vit", 1), ("timm xcit", 0),
])  # fmt: skip
def test_tokens_before_the_patches_are_counted(name, prefix):
    torch.manual_seed(0)
    net = wrap(TOKENS[name]())
    assert net.layout == "tokens"
    objective, _ = first_step("automix", TOKENS[name]()) if name not in NO_HEAD else (None, None)
    if objective is not None:
        assert objective.inner.features.prefix == prefix
    assert token_layout(net).prefix == prefix


class Crossed(nn.Module):
    """Two ways around each other: no place holds everything."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Conv2d(3, 4, 3, 4, 1), nn.Conv2d(3, 4, 3, 4, 1)
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x):
        both = torch.cat([self.left(x).mean((2, 3)), self.right(x).amax((2, 3))], 1)
        return self.head(both)


def test_a_place_that_something_passes_by_is_none():
    model = Crossed()
    with pytest.raises(ValueError, match="everything passes by"):
        find_sites(model)
    x, passed = trace(model)
    through = Through(model, x)
    places = {one.path: as_place(one, (x.shape[-2], x.shape[-1])) for one in passed}
    assert not through(places["left"])
    assert wrap(model).sites == {}


def test_where_no_site_is_found_the_error_names_module_paths():
    body = nn.Sequential(nn.Conv2d(3, 8, 3, 4, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, 1, 1))
    model = nn.Sequential(body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, CLASSES))
    for method, word in (("manifoldmix", "sites"), ("automix", "site"), ("alignmix", "site")):
        with pytest.raises(ValueError, match=rf"(?s)no site 'stage\d'.*{word}=.*'0\.1'") as said:
            mixlib.objective(method, model, steps=2)
        assert "that would do" in str(said.value)
    objective = mixlib.objective("automix", model, steps=2, site="0.1")
    assert objective.inner.features.channels == 8
    assert "0.2" in candidates(model)


def test_heads_are_those_that_make_the_logits():
    net = wrap(NETWORKS["torchvision swin"]())
    assert find_head(net) == "head"
    with pytest.raises(ValueError, match=r"one linear layer.*head, head_dist"):
        find_head(wrap(NETWORKS["timm deit, distilled"]()))
    with pytest.raises(ValueError, match=r"no nn\.Linear"):
        find_head(wrap(NETWORKS["torchvision squeezenet1_1"]()))


def test_shapes_that_are_no_maps():
    for shape in ((2, 5), (2, 8, 1, 1), (2, 3, 8), (2, 3, 4, 5, 6), (2, 16, 1), (8, 4, 4, 4)):
        assert as_place(Passed("x", shape, 1), (64, 64)) is None
    assert as_place(Passed("x", (2, 8, 4, 4), 2), (64, 64)) is None  # runs twice
    assert as_place(Passed("x", (2, 4, 6, 8), 1), (64, 96)).layout == "channels_last"
    assert as_place(Passed("x", (2, 6, 4, 6), 1), (64, 96)).layout == "channels_first"


class Answer:
    """What Hugging Face's classifiers return."""

    def __init__(self, logits: torch.Tensor) -> None:
        self.logits = logits


class Answering(nn.Module):
    """A network whose stages return tuples and which answers with an object."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.stem, self.deep = nn.Conv2d(3, 8, 3, 4, 1), Tupled(8)
        self.classifier = nn.Linear(8, CLASSES)

    def forward(self, pixel_values):
        logits = self.classifier(self.deep(self.stem(pixel_values))[0].mean((2, 3)))
        return {"object": Answer(logits), "mapping": {"logits": logits}, "tuple": (logits, 1)}[
            self.how
        ]


class Tupled(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, 2, 1)

    def forward(self, x):
        return self.conv(x), "attentions"


@pytest.mark.parametrize("how", ["object", "mapping", "tuple"])
def test_networks_that_answer_with_objects_and_whose_layers_return_tuples(how):
    torch.manual_seed(0)
    for method in ("cutmix", "puzzlemix", "automix", "manifoldmix"):
        model = Answering(how)
        words = {"automix": {"site": "deep"}, "manifoldmix": {"sites": ("stem", "deep")}}
        objective = mixlib.objective(method, model, steps=2, **words.get(method, {}))
        for _ in range(3):
            assert objective(torch.rand(4, 3, 64, 64), torch.arange(4)).loss.isfinite()
        objective.eval()
        assert objective(torch.rand(4, 3, 64, 64), torch.arange(4)).logits.shape == (4, CLASSES)


@pytest.mark.parametrize("channels", [1, 4, 13])
def test_any_number_of_channels(channels):
    import timm

    for name in ("resnet10t", "regnetx_002"):
        model = timm.create_model(name, num_classes=CLASSES, in_chans=channels)
        objective = mixlib.objective("automix", model, steps=2)
        assert objective(torch.rand(2, channels, 64, 64), torch.arange(2)).loss.isfinite()
