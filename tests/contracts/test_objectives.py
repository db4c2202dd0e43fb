"""What every method of the catalog promises as a training objective, as defined and as released:
a step under DeiT's recipe has a finite loss and gradients, and leaves a classifier."""

from __future__ import annotations

import dataclasses
import inspect
from dataclasses import replace

import pytest
import torch
from timm.models.vision_transformer import VisionTransformer

from mixlib.catalog import build as builder
from mixlib.catalog.methods import METHODS, method
from mixlib.core.method import resolve
from mixlib.core.net import Net
from mixlib.core.training_pipeline import TRAINING_PIPELINES
from mixlib.models.wrap import wrap
from mixlib.training.recipes import recipe

CLASSES = 5
# of each constructor, the words that suit 64 pixels, a small network and little time
SMALLER = {"map_site": {"side": None}, "iterations": {"iterations": 3}, "grid": {"grid": 8}}


def words_of(name: str) -> list[str]:
    return list(inspect.signature(resolve(method(name).path())).parameters)


CASES = [
    (name, released)
    for name in METHODS
    for released in (False, True)
    if not released or METHODS[name].released is not None
]


def network(name: str) -> Net:
    torch.manual_seed(0)
    tokens = method(name).objective in ("tokenlabel", "mixtoken")
    if not tokens and "attention" not in method(name).needs and name != "manifoldmix":
        return builder.net("resnet10_w16", CLASSES, 0)
    return wrap(VisionTransformer(
        img_size=64, patch_size=8, embed_dim=12, depth=6, num_heads=3, num_classes=CLASSES
    ))  # fmt: skip


def params(name: str, released: bool) -> dict:
    known = words_of(name)
    given = method(name).params_for("generated")
    for word, smaller in SMALLER.items():
        if word in known and name != "gridmix" and smaller.keys() <= set(known):
            given |= smaller
    if "teacher" in method(name).needs and "teacher" in known:
        given["teacher"] = builder.net("resnet10_w16_dense", CLASSES, 1)
    return given | ({"released": True} if released else {})


def deit(name):
    """DeiT's recipe; an objective of its own keeps no average beside it."""
    found = recipe("imagenet_deit")
    return found if method(name).objective == "once" else replace(found, weight_ema=None)


@pytest.mark.parametrize(("name", "released"), CASES)
def test_a_step_under_deit_s_recipe(name, released):
    data = torch.Generator().manual_seed(0)
    x, y = torch.randn(4, 3, 64, 64, generator=data), torch.arange(4)
    losses = []
    for _ in range(2):
        objective = builder.objective(
            name, network(name), params(name, released), deit(name), steps=4, seed=0
        )
        torch.manual_seed(1)  # of dropout, which knows no other generator
        step = objective(x, y, torch.Generator().manual_seed(2))
        losses.append(step.loss.detach())
    assert torch.equal(*losses)
    assert step.loss.isfinite()
    assert not any(term.requires_grad for term in step.terms.values())
    step.loss.backward()
    trained = [p for group in objective.groups().values() for p in group]
    reached = [p.grad for p in trained if p.grad is not None]
    assert len(reached) > len(trained) / 2
    assert all(gradient.isfinite().all() for gradient in reached)
    assert any(gradient.abs().sum() > 0 for gradient in reached)
    objective.update_teacher(0)
    with torch.no_grad():
        out = objective.predictor().eval()(x)
    assert out.shape == (4, CLASSES)
    again = builder.objective(
        name, network(name), params(name, released), deit(name), steps=4, seed=3
    )
    again.load_state_dict(objective.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(again.predictor().eval()(x), out)


AT_LAMBDA = [
    ("mixtoken", "none"),
    *((name, pipeline) for name in ("automix", "mixup") for pipeline in ("none", "mp", "mp_ce")),
    ("adautomix", "mp_ce"),
]


@pytest.mark.parametrize(("name", "pipeline"), AT_LAMBDA)
def test_an_objective_mixes_two_images_at_a_given_lambda(name, pipeline):
    given = {**params(name, False), "pipeline": pipeline}
    plain = dataclasses.replace(recipe("imagenet_deit"), weight_ema=None)
    objective = builder.objective(name, network(name), given, plain, steps=4, seed=0)
    x, y = torch.randn(2, 3, 64, 64), torch.arange(2)
    mix = objective.mix_at(x, y, 0.3, torch.Generator().manual_seed(0))
    assert mix.source.tolist() == [[0, 1], [1, 0]]
    if name != "mixtoken":  # whose box the border clips
        torch.testing.assert_close(mix.weight, torch.tensor([[0.3, 0.7]] * 2))


@pytest.mark.parametrize("name", ["augmix", "tokenlabel", "vanilla"])
def test_an_objective_that_does_not_follow_lambda_says_so(name):
    objective = builder.objective(
        name, network(name), params(name, False), deit(name), steps=4, seed=0
    )
    with pytest.raises(ValueError, match="lambda"):
        objective.mix_at(torch.randn(2, 3, 64, 64), torch.arange(2), 0.3, torch.Generator())


@pytest.mark.parametrize("name", METHODS)
def test_the_row_s_pipelines_are_those_that_can_be_built(name):
    x, y = torch.randn(4, 3, 64, 64), torch.arange(4)
    plain = dataclasses.replace(recipe("imagenet_deit"), weight_ema=None)
    for pipeline in TRAINING_PIPELINES:
        given = {**params(name, False), "pipeline": pipeline}
        if pipeline in method(name).pipelines:
            objective = builder.objective(name, network(name), given, plain, steps=4, seed=0)
            assert objective(x, y, torch.Generator().manual_seed(0)).loss.isfinite()
        else:
            with pytest.raises(ValueError, match="pipeline"):
                builder.objective(name, network(name), given, plain, steps=4, seed=0)
