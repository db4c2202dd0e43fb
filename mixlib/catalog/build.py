"""Builders: from names of catalog rows to networks, policies and objectives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mixlib.catalog.methods import check_released, method
from mixlib.core.arguments import checked
from mixlib.core.choice import Choice
from mixlib.core.hyperparameters import changed
from mixlib.core.labels import BinaryCrossEntropy, CrossEntropy, LabelRule
from mixlib.core.method import Method, resolve
from mixlib.core.net import Net
from mixlib.core.objective import MixOnce, Objective
from mixlib.core.policy import Policy
from mixlib.core.training_pipeline import PipelineName
from mixlib.methods.automix.build import in_pipeline
from mixlib.methods.automix.schedules import Momentum, constant
from mixlib.models import backbones
from mixlib.models.attention import last_attention
from mixlib.models.load import load_published
from mixlib.models.wrap import wrap
from mixlib.training.recipes import Recipe, check_recipe


def net(
    backbone: str,
    classes: int,
    seed: int,
    weights: str | None = None,
    drop_path: float = 0.0,
) -> Net:
    """A network with its named sites, freshly initialized or from published weights.

    Args:
        backbone: a row of ``mixlib.models.backbones``.
        classes: outputs of its classifier.
        seed: of the initial weights.
        weights: a file with a torchvision- or timm-named state dict, or "torchvision"; the
            classifier is left out when its size differs.
        drop_path: largest probability of stochastic depth, see
            :func:`mixlib.models.backbones.build`.

    Example:
        >>> import torch
        >>> logits, _ = net("resnet10_w16", classes=4, seed=0)(torch.zeros(2, 3, 32, 32))
        >>> logits.shape
        torch.Size([2, 4])
    """
    row = backbones.backbone(backbone)
    model = backbones.build(backbone, classes, seed, drop_path)
    if weights is not None:
        load_published(model, row, weights)
    if row.family == "own":
        # its sites are found in its structure
        return wrap(model)
    return Net(model, row.sites, layout=row.layout)


def policy(
    name: str,
    params: Mapping[str, Any] | None = None,
    family: str = "default",
    released: bool = False,
) -> Policy:
    """The policy of a method with its parameters for a family of datasets, some changed.

    Args:
        name: a row of ``mixlib.catalog.methods``.
        params: changes of its parameters.
        family: of datasets.
        released: as the released code has it.

    Raises:
        KeyError: no such method.
        TypeError: a parameter that the method does not have.
        ValueError: the method is an objective of its own (AutoMix), or ``released`` is asked of
            one that has no such variant.

    Example:
        >>> policy("cutmix", {"alpha": 0.5}).lam
        Beta(a=0.5, b=None)
    """
    row = method(name)
    if row.objective != "once":
        raise ValueError(f"{name} trains its own mask generator: build it with builder.objective")
    if released:
        check_released(row)
    return row.make(family, changes=params or {}, released=released)


def rule(recipe: Recipe) -> LabelRule:
    """The loss that a recipe asks for.

    Example:
        >>> from mixlib.training.recipes import recipe
        >>> rule(recipe("cifar"))
        CrossEntropy(smoothing=0.0)
    """
    if recipe.loss == "bce":
        return BinaryCrossEntropy(target="two-hot", smoothing=recipe.smoothing)
    if recipe.loss == "bce_share":
        return BinaryCrossEntropy(target="share", smoothing=recipe.smoothing)
    if recipe.loss == "ce":
        return CrossEntropy(recipe.smoothing)
    raise ValueError(f"loss must be ce, bce or bce_share, got {recipe.loss!r}")


def objective(
    name: str,
    network: Net,
    params: Mapping[str, Any],
    recipe: Recipe,
    *,
    steps: int,
    seed: int,
    teacher: Net | None = None,
) -> Objective:
    """The training objective of a method.

    Args:
        name: a row of ``mixlib.catalog.methods``.
        network: the network to train.
        params: every parameter of the method; ``pipeline`` among them is a row of
            :mod:`mixlib.core.training_pipeline`, ``momentum`` changes its average, and
            ``released`` puts the released code's values in the place of its fields.
        recipe: for the loss.
        steps: length of the training, for schedules inside the objective.
        seed: initializes what the objective adds to the network.
        teacher: a trained network for a method that asks one.

    Example:
        >>> from mixlib.training.recipes import recipe
        >>> network = net("resnet10_w16", classes=4, seed=0)
        >>> made = objective("cutmix", network, {"alpha": 1.0}, recipe("cifar"), steps=10, seed=0)
        >>> made.policy.lam
        Beta(a=1.0, b=None)
    """
    row = method(name)
    check_recipe(row, recipe)
    given = dict(params)
    if teacher is not None:
        given["teacher"] = teacher
    if given.pop("released", False):
        check_released(row)
        given = row.as_released(given)
    return assembled(
        row,
        network,
        given,
        rule(recipe),
        steps=steps,
        seed=seed,
        weight_ema=recipe.weight_ema,
        mix_prob=recipe.mix_prob,
    )


def assembled(
    row: Method,
    network: Net,
    params: Mapping[str, Any],
    loss: LabelRule,
    *,
    steps: int,
    seed: int,
    weight_ema: float | None = None,
    mix_prob: float = 1.0,
) -> Objective:
    """The training objective of a catalog row, around a given loss.

    Args:
        row: of the method.
        network, params, steps, seed: as of :func:`objective`.
        loss: of mixed samples; the method's own label rule is built on it.
        weight_ema: momentum of an average of the weights beside the method.
        mix_prob: probability that a batch is mixed.

    Raises:
        TypeError, ValueError: parameters that the method has not or cannot take.
    """
    make = checked(resolve(row.path()))
    given, of_rule = row.split(params)
    pipeline: PipelineName = given.pop("pipeline", row.pipeline)
    of_clean = loss
    if row.rule is not None:
        loss = checked(resolve(row.path(row.rule)))(rule=loss, **of_rule)
    if row.objective != "once":
        _give_attention(network, row.needs, given)
        return _own_objective(row, network, given, loss, pipeline, steps, seed)
    momentum = changed(Momentum(), given.pop("momentum", {}))
    made: Policy = make(**given)
    if mix_prob < 1:
        made = Choice((made,), (mix_prob,))
    # some methods look at the attention only with some of their parameters; a rule always does
    _give_attention(network, row.needs if row.rule is not None else made.needs, given)
    if weight_ema is not None:
        if pipeline != "none":
            raise ValueError(
                f"{row.name}: weight_ema beside pipeline {pipeline!r}: one average only"
            )
        pipeline, momentum = "ema", constant(weight_ema)
    if pipeline == "none":
        return MixOnce(network, made, loss)
    return in_pipeline(
        network, made, pipeline, momentum, steps=steps, rule=loss, clean_rule=of_clean
    )


def _give_attention(network: Net, needs: frozenset[str], given: Mapping[str, Any]) -> None:
    """The site of the attention that is looked at, where no teacher's is."""
    if "attention" in needs and given.get("teacher") is None:
        network.sites["attention"] = last_attention(network.body)


def _own_objective(
    row: Method,
    network: Net,
    params: dict[str, Any],
    loss: LabelRule,
    pipeline: PipelineName,
    steps: int,
    seed: int,
) -> Objective:
    """The objective of a method that is more than a draw and a forward pass."""
    make = checked(resolve(row.path()))
    if row.settings is not None:
        settings = resolve(row.path(row.settings))(params, loss)
        return make(network, settings, steps=steps, seed=seed, pipeline=pipeline)
    if pipeline != "none":
        raise ValueError(f"{row.name} is not trained in the pipeline {pipeline!r}")
    return make(network, rule=loss, steps=steps, seed=seed, **params)
