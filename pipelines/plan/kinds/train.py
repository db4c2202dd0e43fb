"""Job kind "train": training one classifier with one method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mixlib.catalog.methods import METHODS
from mixlib.data.catalog import DATASETS
from mixlib.models.backbones import backbone, check_drop_path
from mixlib.training.recipes import Recipe, check_recipe
from pipelines.declare.errors import DeclarationError
from pipelines.declare.mapping import merged
from pipelines.declare.relations import RECIPE_RELATIONS, check_relations
from pipelines.plan.epoch_selection import EPOCH_RULES
from pipelines.plan.inputs import Data, Row
from pipelines.plan.job import Job
from pipelines.plan.setting import Setting

FIELDS = (
    *("data", "backbone", "method", "pipeline", "recipe", "params", "changes", "pick", "weights"),
    *("snapshots", "length", "teacher"),
)


@dataclass(frozen=True)
class TrainJob(Job):
    """Training one classifier.

    Attributes:
        images: the data.
        backbone, method: catalog rows.
        recipe: every setting of the training.
        augment: every setting of the augmentation.
        seed: of initial weights, data order and all draws.
        pick: which epochs' accuracy counts, see :mod:`pipelines.plan.epoch_selection`.
        evaluate_every: epochs between evaluations before the last ten.
        weights: published weights that training starts from; None: from random ones.
        snapshots: epochs after which the objective's state is saved (0: before the first).
        teacher: the training of the network that the method asks; None: it asks none.

    A training of 0 epochs is published weights as they are.
    """

    kind = "train"
    checkpoints = True
    metrics = (
        *("top1", "top5", "test_loss", "epochs"),
        *("parameters", "step_ms", "images_per_second"),
        # of the renderer, see paper_tables.derived_metrics
        *("hours", "gmacs", "teacher_top1"),
    )

    images: Data
    backbone: Row
    method: Row
    recipe: Recipe
    augment: tuple[tuple[str, Any], ...]
    seed: int
    pick: str = "median_last_10"
    evaluate_every: int = 10
    weights: Row | None = None
    snapshots: tuple[int, ...] = ()
    teacher: TrainJob | None = field(default=None, metadata={"later": True})

    @property
    def data(self) -> Data:
        return self.images

    @property
    def shards(self) -> int:
        return self.recipe.shards

    @classmethod
    def build(cls, point: Mapping[str, Any], setting: Setting) -> TrainJob:
        setting.check(point, FIELDS, ("data", "backbone", "method", "recipe"))
        paper = point["data"]
        setting.look_up("dataset", paper, DATASETS)
        chosen_net = setting.backbone(point["backbone"], paper)
        ours, declared = (
            setting.scale.settings("train", paper, point["recipe"]),
            point.get("changes", {}),
        )
        # a cell that asks for another crop keeps the scale's image size
        changes = merged(ours, declared)
        augment = changes.pop("augmentation", {})
        evaluation = {k: changes.pop(k) for k in ("evaluate_every", "pick") if k in changes}
        # a scale says null where its networks are too narrow for any published weights
        weights = changes.pop("weights", point.get("weights"))
        recipe = setting.recipe(point["recipe"], changes)
        # a declaration says how long in shares of the recipe, so that it holds at every scale
        recipe = replace(recipe, epochs=max(1, round(recipe.epochs * point.get("length", 1))))
        check_relations(setting.where, recipe, RECIPE_RELATIONS)
        check_objective(setting.where, point["method"], recipe, chosen_net.name)
        own = DATASETS[paper].size if DATASETS[paper].own else None
        chosen = point.get("pick", evaluation.get("pick", "median_last_10"))
        setting.look_up("pick", chosen, EPOCH_RULES)
        return cls(
            images=setting.data(paper, point["recipe"]),
            backbone=chosen_net,
            method=setting.method(
                point["method"],
                paper,
                backbone(point["backbone"]).small,
                point.get("params"),
                point.get("pipeline"),
                point["recipe"],
            ),
            recipe=recipe,
            augment=setting.augment(recipe.augment, augment, size=own),
            seed=setting.seed,
            pick=chosen,
            evaluate_every=evaluation.get("evaluate_every", 10),
            weights=setting.weights(weights, chosen_net),
            # a short run has no later epochs to keep
            snapshots=tuple(e for e in point.get("snapshots", ()) if e <= recipe.epochs),
            teacher=cls.build_teacher(point, setting) if point.get("teacher") else None,
        )

    @classmethod
    def build_teacher(cls, point: Mapping[str, Any], setting: Setting) -> TrainJob:
        """The teacher of a cell: published weights as they are, or, where a scale has none, a
        network trained on the same images by the cell's recipe, without mixing.  One for all
        seeds."""
        named = point["teacher"]
        fields = {
            "data": point["data"],
            "backbone": named["backbone"],
            "method": named.get("method", "vanilla"),
            "recipe": named.get("recipe", point["recipe"]),
            "weights": named.get("weights"),
        }
        made = cls.build(fields, replace(setting, seed=0))
        if made.weights is None:
            return made
        untrained = replace(made.recipe, epochs=0, warmup_epochs=0, weight_ema=None)
        return made.replace(recipe=untrained, pick="last")

    def describe(self) -> str:
        r = self.recipe
        if not r.epochs and self.weights is not None:
            network, images = self.backbone.name, self.images.name
            return f"evaluate {network} with {self.weights.name} weights on {images}"
        teacher = "" if self.teacher is None else f", teacher {self.teacher.backbone.name}"
        start = "" if self.weights is None else f" from {self.weights.name} weights"
        held, images = self.images.held_out, self.images.name
        images += "" if held is None else f" ({held} held out and tested on)"
        return (
            f"train {self.backbone.name}{start} with {self.method.name} on {images}: "
            f"{r.epochs} epochs, batch {r.batch}, {r.optimizer} lr {r.lr:g} to {r.min_lr:g}, "
            f"seed {self.seed}{teacher}"
        )


def check_objective(where: str, method: str, recipe: Recipe, network: str) -> None:
    """Refuses what a recipe asks for and the method's objective or the network cannot do.

    Raises:
        DeclarationError: see :func:`mixlib.catalog.build.check_recipe` and
            :func:`mixlib.models.backbones.check_drop_path`.
    """
    row = METHODS.get(method)
    try:
        if row is not None:
            check_recipe(row, recipe)
        check_drop_path(backbone(network), recipe.drop_path)
    except ValueError as error:
        raise DeclarationError(f"{where}: {error}") from None
