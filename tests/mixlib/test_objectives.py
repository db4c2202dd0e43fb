"""One call for every method: its words, its batches, its draws, and torch.compile around it."""

from __future__ import annotations

import copy
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import mixlib
from mixlib.adapters.collate import MixCollate
from mixlib.catalog.methods import METHODS
from mixlib.core.mix import identity
from mixlib.core.objective import MixOnce

ROOT = Path(__file__).parents[2]
CLASSES = 5
TRANSFORMERS = (
    *("tokenmix", "transmix", "tokenlabel", "mixtoken", "tla", "mixpro", "smmix", "mergemix"),
)
# label shares are the content's, whatever the scope
BY_CONTENT = (
    *("tokenmix", "transmix", "attentivemix", "puzzlemix", "saliencymix", "snapmix", "sumix"),
)
# whose labels are of classes two by two
OF_PAIRS = ("decoupledmix", "sumix")
QUICK = {
    "attentivemix": {"side": None},
    "supermix": {"iterations": 1},
    "comixup": {"sweeps": 1},
    "puzzlemix": {"blocks": (2, 4)},
    "tokenmix": {"grid": 4},
    "tla": {"grid": 4},
    "mixpro": {"cell": 8},
}
# methods that look at nothing but pixels: what the issue of a graph break is about
PLAIN = [
    name
    for name, row in METHODS.items()
    if not row.needs and row.objective == "once" and name != "manifoldmix"
]


class Small(nn.Module):
    """Stages under the names of a ResNet."""

    def __init__(self, classes: int = CLASSES) -> None:
        super().__init__()
        widths = (3, 6, 6, 8, 8)
        for k in range(1, 5):
            layer = nn.Conv2d(widths[k - 1], widths[k], 3, 2 if k in (2, 3) else 1, 1)
            setattr(self, f"layer{k}", layer)
        self.fc = nn.Linear(8, classes)

    def forward(self, x):
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x).relu()
        return self.fc(x.mean((2, 3)))


def network(name: str) -> nn.Module:
    torch.manual_seed(0)
    if name not in TRANSFORMERS:
        return Small()
    from timm.models.vision_transformer import VisionTransformer

    return VisionTransformer(32, 8, embed_dim=12, depth=6, num_heads=2, num_classes=CLASSES)


def made(name: str, **words):
    words = QUICK.get(name, {}) | words
    if "teacher" in METHODS[name].needs and name != "supermix":
        words["teacher"] = nn.Sequential(
            nn.Conv2d(3, 6, 3, 8, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, CLASSES)
        )
    return mixlib.objective(name, network(name), steps=4, **words)


def batch(n: int = 4):
    data = torch.Generator().manual_seed(1)
    return torch.rand(n, 3, 32, 32, generator=data), torch.arange(n) % CLASSES


@pytest.mark.parametrize("name", METHODS)
def test_every_method_trains_by_the_same_three_lines(name):
    objective, (x, y) = made(name), batch()
    trained = [p for p in objective.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=0.01)
    for i in range(2):
        loss = objective(x, y).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        objective.update_teacher(i)
        assert loss.isfinite()
    kept = objective.predictor().eval()
    assert kept(x).shape == (4, CLASSES)
    objective.eval()
    step = objective(x, y)
    expected = F.cross_entropy(kept(x), y)
    torch.testing.assert_close(step.loss, expected)
    torch.testing.assert_close(step.logits, kept(x))


@pytest.mark.parametrize("name", METHODS)
def test_a_share_of_the_batches_and_an_end_of_mixing(name):
    x, y = batch()
    objective = made(name, until=1, prob=0.5)
    own = "prob" in _parameters(name)
    mixed = 0
    for _ in range(20 if name in PLAIN else 4):
        step = objective(x, y)
        mixed += "clean" not in step.terms or len(step.terms) > 1
        step.loss.backward()
    if name in PLAIN and not own and name != "vanilla":
        assert 3 <= mixed <= 17
    objective.update_teacher(0)
    objective.zero_grad()
    step = objective(x, y)
    step.loss.backward()
    assert list(step.terms) == ["clean"]
    if name != "vanilla":
        trained = [p for group in objective.groups().values() for p in group]
        assert all(p.grad is not None for p in trained)
    net = objective.inner.clean_logits(x)
    expected = sum(F.cross_entropy(logits, y) for logits in net)
    torch.testing.assert_close(step.loss, expected)


def _parameters(name: str) -> list[str]:
    from mixlib.catalog.parameters import of_objective

    return of_objective(METHODS[name])


@pytest.mark.parametrize("name", METHODS)
def test_scope_means_the_same_everywhere(name):
    x, y = batch(8)
    each = made(name, scope="sample")(x, y).mix
    if "scope" not in _parameters(name) and "mode" not in _parameters(name):
        with pytest.raises(ValueError, match="no one lambda for the batch"):
            made(name, scope="batch")
    elif name not in BY_CONTENT:
        for seed in range(8):
            one = made(name, scope="batch", seed=seed)(x, y).mix
            assert len(one.weight.round(decimals=4).unique(dim=0)) == 1
        assert each is not None
    with pytest.raises(ValueError, match="did you mean 'sample'"):
        made(name, scope="samples")


@pytest.mark.parametrize("name", METHODS)
def test_several_labels_an_image_get_a_sigmoid_each(name):
    x, _ = batch()
    y = torch.tensor([[1, 1, 0, 0, 0], [0, 0, 1, 0, 1], [0, 1, 0, 0, 0], [1, 0, 0, 1, 1]])
    objective = made(name, targets="multilabel")
    if name in OF_PAIRS:
        with pytest.raises(ValueError, match="class indices"):
            objective(x, y)
        return
    step = objective(x, y)
    step.loss.backward()
    assert step.loss.isfinite()
    if step.logits is not None and METHODS[name].rule is None and name != "relabel":
        mix = step.mix if step.mix.source.shape[1] > 1 else identity(4)
        rows = torch.einsum("bk,bky->by", mix.weight, y.float()[mix.source])
        torch.testing.assert_close(step.loss, F.binary_cross_entropy_with_logits(step.logits, rows))
    with pytest.raises(ValueError, match=r"multilabel.*rows"):
        objective(x, torch.arange(4))
    if name not in ("relabel", "tokenlabel", "mixtoken"):
        with pytest.raises(ValueError, match=r"sum to one.*multilabel"):
            made(name)(x, y.float())


def test_soft_labels_train_as_their_class_does():
    x, y = batch()
    for name in ("cutmix", "automix", "manifoldmix", "puzzlemix", "ricap"):
        hard, soft = made(name)(x, y), made(name)(x, F.one_hot(y, CLASSES).float())
        torch.testing.assert_close(hard.loss, soft.loss)


def test_batches_of_every_shape():
    x, y = batch()
    objective = made("cutmix")
    shapes = [
        {"pixel_values": x, "labels": y},
        {"image": x, "label": y, "name": ["a"] * 4},
        {"inputs": {"img": x}, "meta": {"target": y}},
        [x, y],
        (x, y, "more"),
        ({"image": x}, y),
        ({"image": x}, {"label": y}),
    ]
    losses = []
    for shape in shapes:
        objective.draws.call = 0
        losses.append(objective(shape).loss)
    assert all(torch.equal(loss, losses[0]) for loss in losses)
    objective = made("cutmix", keys=("views.0", "what.class"))
    torch.testing.assert_close(objective({"views": [x, 0], "what": {"class": y}}).loss, losses[0])
    with pytest.raises(KeyError, match=r"views\.0.*picture"):
        objective({"picture": x})
    with pytest.raises(TypeError, match=r"picture: Tensor.*without images.*keys="):
        made("cutmix")({"picture": x, "label": y})


def test_mappings_are_collated_and_mixed_in_place_of_their_entries():
    x, y = batch()
    collate = MixCollate(mixlib.build("mixup"), num_classes=CLASSES)
    given = {"image": x, "label": y, "name": ["a", "b", "c", "d"]}
    out = collate(given)
    assert out["name"] is given["name"]
    assert out["label"].shape == (4, CLASSES)
    assert not torch.equal(out["image"], x)
    assert given["image"] is x
    samples = [{"image": image, "label": int(label)} for image, label in zip(x, y, strict=True)]
    again = MixCollate(mixlib.build("mixup"), num_classes=CLASSES)(samples)
    torch.testing.assert_close(again["image"], out["image"])
    nested = MixCollate(mixlib.build("mixup"), num_classes=CLASSES)(({"image": x}, y, 3))
    assert torch.equal(nested[0]["image"], out["image"])
    assert nested[2] == 3


def test_draws_are_repeated_by_a_resumed_run_and_by_nobody_else():
    x, y = batch()

    def losses(objective, steps):
        found = []
        for i in steps:
            found.append([float(objective(x, y).loss.detach()) for _ in range(2)])
            objective.update_teacher(i)
        return found

    whole = losses(made("cutmix"), range(4))
    assert len({loss for step in whole for loss in step}) == 8
    first, second = made("cutmix"), made("cutmix")
    assert losses(first, range(2)) == whole[:2]
    second.load_state_dict(first.state_dict())
    assert losses(second, range(2, 4)) == whole[2:]
    assert losses(made("cutmix", seed=1), range(4)) != whole


@pytest.fixture(scope="module")
def compiled() -> dict[str, dict[str, object]]:
    """What torch.compile makes of every method, found in a process without the tests' run-time
    checks of shapes, which no graph can hold."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.mixlib.compiled_objectives"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-3000:]
    return json.loads(run.stdout.splitlines()[-1])


def test_plain_methods_compile_whole_draw_included(compiled):
    """torch.compile around the objective: one graph, no break."""
    breaks = compiled["breaks"]
    print("graph breaks of", len(breaks), "plain methods:", sum(n for n, _ in breaks.values()))
    assert set(breaks) == set(PLAIN)
    assert {name: found for name, found in breaks.items() if found != [0, 1]} == {}


def test_compiled_losses_are_those_of_the_same_objective_as_it_is_written(compiled):
    for case, (got, expected) in compiled["losses"].items():
        assert got == pytest.approx(expected, rel=1e-4), case
    assert len(compiled["losses"]) == 12


def test_masks_that_stayed_inside_a_compiled_step_are_not_made_up(compiled):
    assert "no masks" in compiled["refusal"]


def test_copies_draw_for_themselves():
    x, y = batch()
    objective = made("cutmix")
    twin = copy.deepcopy(objective)
    assert twin._drawer.key != objective._drawer.key
    assert twin._drawer.draw.__self__ is twin
    assert torch.equal(twin(x, y).loss, objective(x, y).loss)
    again = pickle.loads(pickle.dumps(made("cutmix")))
    assert torch.equal(again(x, y).loss, made("cutmix")(x, y).loss)


@pytest.mark.parametrize("name", ["cutmix", "automix", "puzzlemix", "transmix"])
def test_mixed_precision(name):
    x, y = batch()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = made(name)(x, y).loss
    loss.backward()
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, made(name)(x, y).loss, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("name", ["cutmix", "automix", "manifoldmix"])
def test_distributed_data_parallel(name, tmp_path):
    """In a group of one: every trained parameter is found used, mixed batch or not."""
    from torch import distributed
    from torch.nn.parallel import DistributedDataParallel

    distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1
    )
    try:
        objective = made(name, until=1)
        parallel = DistributedDataParallel(objective)
        x, y = batch()
        for i in range(2):  # mixed, then not
            loss = parallel(x, y).loss
            parallel.zero_grad()
            loss.backward()
            torch.testing.assert_close(
                loss, loss if i else _again(name, x, y), msg="the same draws as by itself"
            )
            objective.update_teacher(i)
    finally:
        distributed.destroy_process_group()


def _again(name: str, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return made(name, until=1)(x, y).loss


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: mixlib.objective("cutmx", Small()), KeyError, "did you mean 'cutmix'"),
        (lambda: mixlib.objective("cutmix", Small(), alhpa=1), TypeError, "did you mean 'alpha'"),
        (lambda: mixlib.objective("automix", Small(), steps=2, sitte="x"), TypeError, "'site'"),
        (lambda: mixlib.objective("automix", Small()), ValueError, "AutoMix.*steps="),
        (lambda: mixlib.objective("mixup", Small(), until=0.5), ValueError, "steps="),
        (lambda: mixlib.objective("mixup", Small(), until=1.5, steps=9), ValueError, "share"),
        (lambda: mixlib.objective("mixup", Small(), until=-1), ValueError, "leave it out"),
        (lambda: mixlib.objective("automix", Small(), steps=0), ValueError, "steps must be"),
        (lambda: mixlib.objective("cutmix", Small(), head="nope"), KeyError, "nope"),
        (lambda: mixlib.objective("cutmix", "resnet18"), TypeError, "model must be a torch.nn"),
        (lambda: mixlib.objective("cutmix", Small(), rule="bce"), TypeError, "labels.LabelRule"),
        (lambda: mixlib.objective("mixup", Small(), prob=1.5), ValueError, "prob must be in"),
        (lambda: mixlib.objective("mixup", Small(), prob=-1), ValueError, "prob must be in"),
        (lambda: mixlib.objective("mixup", Small(), targets="multi"), ValueError, "targets"),
        (lambda: mixlib.objective("mixup", Small(), alpha=0), ValueError, "alpha must be above"),
        (lambda: mixlib.objective("transmix", Small()), ValueError, "no attention block"),
        (lambda: mixlib.objective("vanilla", Small(), released=True), ValueError, "known for"),
    ],
)
def test_wrong_words_are_answered(call, kind, words):
    with pytest.raises(kind, match=words):
        call()


def test_an_average_of_the_weights_beside_any_method():
    x, y = batch()
    objective = mixlib.objective("cutmix", Small(), steps=4, pipeline="mp_ce")
    assert not isinstance(objective.inner, MixOnce)
    before = objective.predictor().fc.weight.detach().clone()
    objective(x, y).loss.backward()
    with torch.no_grad():
        for p in objective.groups()["net"]:
            p.add_(1.0)
    objective.update_teacher(0)
    assert not torch.equal(objective.predictor().fc.weight, before)
