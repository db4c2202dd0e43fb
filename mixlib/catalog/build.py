"""How does a word become a running object?  Catalog rows in, networks, policies and objectives
out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from mixlib.catalog.methods import method
from mixlib.core.labels import BinaryCrossEntropy, CrossEntropy, LabelRule
from mixlib.core.net import Net
from mixlib.core.objective import MixOnce, Objective
from mixlib.core.policy import Policy
from mixlib.methods.automix.build import constant
from mixlib.methods.automix.momentum_mix import MomentumMix
from mixlib.models import backbones
from mixlib.models.attention import last_attention
from mixlib.training.recipes import Recipe


def constructor(path: str) -> Callable[..., Any]:
    """The function or class that a catalog row names as "module:name"."""
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)


def net(backbone: str, classes: int, seed: int, weights: str | None = None) -> Net:
    """A network with its named sites, freshly initialized or from published weights.

    Args:
        backbone: a row of ``mixlib.models.backbones``.
        classes: outputs of its classifier.
        seed: of the initial weights.
        weights: a file with a torchvision- or timm-named state dict, or "torchvision"; the
            classifier is left out when its size differs.
    """
    row = backbones.backbone(backbone)
    model = backbones.build(backbone, classes, seed)
    if weights is not None:
        backbones.load_published(model, row, weights)
    return Net(model, row.sites, layout=row.layout)


def policy(name: str, params: Mapping[str, Any] | None = None, family: str = "default") -> Policy:
    """The policy of a method with its parameters for a family of datasets, some changed.

    Raises:
        KeyError: no such method.
        TypeError: a parameter that the method does not have.
        ValueError: the method is an objective of its own (AutoMix).
    """
    row = method(name)
    if row.objective != "once":
        raise ValueError(f"{name} trains its own mask generator: build it with builder.objective")
    return constructor(row.build)(**{**row.params_for(family), **(params or {})})


def rule(recipe: Recipe) -> LabelRule:
    """The loss that a recipe asks for."""
    if recipe.loss == "bce":
        return BinaryCrossEntropy(target="two-hot", smoothing=recipe.smoothing)
    if recipe.loss == "ce":
        return CrossEntropy(recipe.smoothing)
    raise ValueError(f"loss must be ce or bce, got {recipe.loss!r}")


def objective(
    name: str, network: Net, params: Mapping[str, Any], recipe: Recipe, *, steps: int, seed: int
) -> Objective:
    """The training objective of a method.

    Args:
        name: a row of ``mixlib.catalog.methods``.
        network: the network to train.
        params: every parameter of the method.
        recipe: for the loss.
        steps: length of the training, for schedules inside the objective.
        seed: initializes what the objective adds to the network.
    """
    row = method(name)
    make = constructor(row.build)
    loss = rule(recipe)
    if "attention" in row.needs:
        network.sites["attention"] = last_attention(network.model)
    if row.rule is not None:
        loss = constructor(row.rule)(rule=loss, released=bool(params.get("released", False)))
    if row.objective != "once":
        return make(network, rule=loss, steps=steps, seed=seed, **params)
    if recipe.weight_ema is None:
        return MixOnce(network, make(**params), loss)
    average = constant(recipe.weight_ema)
    return MomentumMix(network, make(**params), average, steps=steps, statistics="ema", rule=loss)
