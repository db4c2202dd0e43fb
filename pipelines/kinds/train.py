"""Job kind "train": training one classifier with one method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mixlib.data.catalog import DATASETS
from mixlib.models.backbones import backbone
from mixlib.training.recipes import Recipe
from pipelines.job import Data, Job, Outcome, Row
from pipelines.pick import PICKS, pick
from pipelines.published import source
from pipelines.setting import Setting

if TYPE_CHECKING:
    from lightning.fabric import Fabric

    from mixlib.core.objective import Objective
    from mixlib.data.loader import Loader
    from mixlib.training.fit import History
    from pipelines.bench import Bench

FIELDS = (
    *("data", "backbone", "method", "pipeline", "recipe", "params", "changes", "pick", "weights"),
    *("snapshots", "length"),
)
# images up to this side (pixels) are decoded once and kept in memory
SMALL = 64
WEIGHTS, OBJECTIVE = "weights.pt", "objective.pt"


@dataclass(frozen=True)
class TrainJob(Job):
    """Training one classifier.

    Attributes:
        images: the data.
        backbone, method: catalog rows.
        recipe: every setting of the training.
        augment: every setting of the augmentation.
        seed: of initial weights, data order and all draws.
        pick: which epochs' accuracy counts, see :mod:`pipelines.pick`.
        evaluate_every: epochs between evaluations before the last ten.
        weights: published weights that training starts from; None: from random ones.
        snapshots: epochs after which the objective's state is kept (0: before the first).
    """

    kind = "train"
    distributed = True

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

    @property
    def data(self) -> Data:
        return self.images

    @classmethod
    def build(cls, point: Mapping[str, Any], setting: Setting) -> TrainJob:
        setting.check(point, FIELDS, ("data", "backbone", "method", "recipe"))
        paper = point["data"]
        setting.look_up("dataset", paper, DATASETS)
        chosen_net = setting.backbone(point["backbone"], paper)
        ours, asked = setting.scale.settings("train", paper), point.get("changes", {})
        changes = {**ours, **asked}
        evaluation = {k: changes.pop(k) for k in ("evaluate_every", "pick") if k in changes}
        # a cell that asks for another crop keeps the scale's image size
        augment = {**ours.get("augmentation", {}), **asked.get("augmentation", {})}
        changes.pop("augmentation", None)
        # a scale says null where its networks are too narrow for any published weights
        weights = changes.pop("weights", point.get("weights"))
        recipe = setting.recipe(point["recipe"], changes)
        # a declaration says how long in shares of the recipe, so that it holds at every scale
        recipe = replace(recipe, epochs=max(1, round(recipe.epochs * point.get("length", 1))))
        chosen = point.get("pick", evaluation.get("pick", "median_last_10"))
        setting.look_up("pick", chosen, PICKS)
        return cls(
            images=setting.data(paper),
            backbone=chosen_net,
            method=setting.method(
                point["method"],
                paper,
                backbone(point["backbone"]).small,
                point.get("params"),
                point.get("pipeline"),
            ),
            recipe=recipe,
            augment=setting.augment(recipe.augment, augment),
            seed=setting.seed,
            pick=chosen,
            evaluate_every=evaluation.get("evaluate_every", 10),
            weights=setting.weights(weights, chosen_net),
            # a short run has no later epochs to keep
            snapshots=tuple(e for e in point.get("snapshots", ()) if e <= recipe.epochs),
        )

    def describe(self) -> str:
        r = self.recipe
        start = "" if self.weights is None else f" from {self.weights.name} weights"
        return (
            f"train {self.backbone.name}{start} with {self.method.name} on {self.images.name}: "
            f"{r.epochs} epochs, batch {r.batch}, {r.optimizer} lr {r.lr:g} to {r.min_lr:g}, "
            f"seed {self.seed}"
        )

    def run(self, bench: Bench) -> Outcome:
        from mixlib.training.checkpoint import Checkpoint, save_atomically
        from mixlib.training.fit import fit

        fabric = launch(self.recipe.precision, bench)
        train, test = self.loaders(bench, fabric)
        classes = len(bench.data_classes(self.images))
        objective = self.objective(len(train) * self.recipe.epochs, classes)
        checkpoint = Checkpoint(
            bench.folder / "checkpoint.pt", bench.checkpoint_seconds, fabric.is_global_zero
        )

        def keep(epoch: int) -> None:
            if epoch in self.snapshots and fabric.is_global_zero:
                save_atomically(objective.state_dict(), bench.folder / snapshot(epoch))

        history = fit(
            objective, train, test, self.recipe, seed=self.seed, fabric=fabric,
            checkpoint=checkpoint, report=bench.progress, evaluate_every=self.evaluate_every,
            at_epoch=keep,
        )  # fmt: skip
        if fabric.is_global_zero:
            save_atomically(objective.predictor().state_dict(), bench.folder / WEIGHTS)
            save_atomically(objective.state_dict(), bench.folder / OBJECTIVE)
        fabric.barrier()
        return Outcome(
            metrics={**pick(self.pick, history.epochs), **cost(objective, history)},
            history=history.epochs,
            seconds=history.seconds,
            keep=(WEIGHTS, OBJECTIVE, *map(snapshot, self.snapshots)),
        )

    def loaders(self, bench: Bench, fabric: Fabric) -> tuple[Loader, Loader]:
        """Training and test batches on Fabric's device."""
        from mixlib.data.augmentations import Augment
        from mixlib.data.images import cap
        from mixlib.data.loader import Loader
        from mixlib.data.readers import read

        row, root = DATASETS[self.images.name], bench.data_folder(self.images)
        augment = Augment(**dict(self.augment))
        # a generated set says itself how large its images are
        side = dict(self.images.spec).get("size", row.size)
        made = []
        for split, most, train in (
            (row.train, self.images.train_cap, True),
            (row.test, self.images.test_cap, False),
        ):
            images = cap(read(row.layout, root, split), most)
            if side <= SMALL and augment.batched:
                images = images.in_memory(side)
            made.append(
                Loader(
                    images,
                    augment,
                    self.recipe.batch,
                    self.seed,
                    train,
                    mean=row.mean,
                    std=row.std,
                    rank=fabric.global_rank,
                    world=fabric.world_size,
                    device=fabric.device,
                    workers=bench.options.get("workers", 0),
                )
            )
        return made[0], made[1]

    def objective(self, steps: int, classes: int) -> Objective:
        """The freshly initialized objective; ``steps`` is the length of its schedules."""
        from mixlib.catalog import build as builder

        weights = None if self.weights is None else source(self.weights)
        net = builder.net(self.backbone.name, classes, self.seed, weights)
        return builder.objective(
            self.method.name,
            net,
            dict(self.method.params),
            self.recipe,
            steps=steps,
            seed=self.seed,
        )

    def trained(self, bench: Bench, state: str) -> Objective:
        """The objective with the state that a file of this job's finished result holds, on the
        CPU."""
        objective = self.objective(1, len(bench.data_classes(self.images)))
        objective.load_state_dict(bench.state(self, state))
        return objective


def snapshot(epoch: int) -> str:
    """Name of the file with the objective's state after an epoch."""
    return f"objective-{epoch:04d}.pt"


def cost(objective: Objective, history: History) -> dict[str, float]:
    """What training takes: trained parameters (millions), milliseconds a step and images a second
    (both as measured, whatever else the machine did)."""
    trained = sum(p.numel() for group in objective.groups().values() for p in group)
    return {
        "parameters": trained / 1e6,
        "step_ms": 1e3 * history.seconds / max(history.steps, 1),
        "images_per_second": history.images / max(history.seconds, 1e-9),
    }


def launch(precision: str, bench: Bench) -> Fabric:
    """Fabric on this machine's devices; under torchrun, one process of the group.

    Raises:
        RuntimeError: torchrun started more processes than Fabric sees (a SLURM job's environment
            makes Fabric's own launcher run one process silently).
    """
    import os

    from lightning.fabric import Fabric
    from lightning.fabric.plugins.environments import LightningEnvironment, TorchElasticEnvironment

    world = int(os.environ.get("WORLD_SIZE", "1"))
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    environment = TorchElasticEnvironment() if world > 1 else LightningEnvironment()
    fabric = Fabric(
        accelerator=bench.options.get("accelerator", "auto"),
        devices=local,
        num_nodes=world // local,
        strategy="ddp" if world > 1 else "auto",
        precision=precision,  # type: ignore[arg-type]
        plugins=[environment],
    )
    fabric.launch()
    if fabric.world_size != world:
        raise RuntimeError(f"expected {world} processes, Fabric started {fabric.world_size}")
    return fabric
