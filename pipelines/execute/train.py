"""Execution of kind "train": one classifier trained with one method."""

from __future__ import annotations

import math
from collections.abc import Mapping

from lightning.fabric import Fabric

from mixlib.catalog import build as builder
from mixlib.core.objective import Objective
from mixlib.data.augmentations import Augment
from mixlib.data.catalog import DATASETS
from mixlib.data.loader import Loader
from mixlib.models.backbones import BACKBONES
from mixlib.training.checkpoint import save_atomically
from mixlib.training.fit import History, evaluate, fit
from pipelines.data import published
from pipelines.execute.context import WEIGHTS, Context
from pipelines.execute.launch import launch
from pipelines.execute.outcome import Outcome
from pipelines.execute.own_network import check_logits
from pipelines.execute.splits import read_splits
from pipelines.execute.stop_at_checkpoint import kept_checkpoint
from pipelines.execute.trained import trained_network
from pipelines.execute.watched_loader import WatchedLoader
from pipelines.plan.epoch_selection import select_epochs
from pipelines.plan.kinds.train import TrainJob
from pipelines.plan.setting import unpaired

# images up to this side (pixels) are decoded once and kept in memory
SMALL = 64
OBJECTIVE = "objective.pt"


def run(job: TrainJob, context: Context) -> Outcome:
    """Trains, from the checkpoint in the working folder if there is one."""
    fabric = launch(job.recipe.precision, context)
    train, test = loaders(job, context, fabric)
    objective = new_objective(job, len(train) * job.recipe.epochs, context)

    def save_snapshot(epoch: int) -> None:
        if epoch in job.snapshots and fabric.is_global_zero:
            save_atomically(objective.state_dict(), context.folder / snapshot(epoch))

    with kept_checkpoint(job, context, fabric.is_global_zero) as checkpoint:
        watched = WatchedLoader(train, context.progress.say, context.workers)
        history = fit(
            objective, watched, test, job.recipe, seed=job.seed, fabric=fabric,
            checkpoint=checkpoint, report=context.progress, evaluate_every=job.evaluate_every,
            at_epoch=save_snapshot,
        )  # fmt: skip
    if not job.recipe.epochs:
        # published weights as they are
        fabric.to_device(objective)
        history.epochs.append({"epoch": 0.0, **evaluate(objective, test, fabric)})
    if fabric.is_global_zero:
        save_atomically(objective.predictor().state_dict(), context.folder / WEIGHTS)
        save_atomically(objective.state_dict(), context.folder / OBJECTIVE)
    fabric.barrier()
    chosen = select_epochs(job.pick, history.epochs)
    classes = len(context.data_classes(job.images))
    # of one epoch both, whichever the accuracy is of that is reported
    last = history.epochs[-1]
    warning = at_chance(last, last.get("n", 0), classes)
    if warning:
        context.progress.say(f"warning: {warning}")
    return Outcome(
        metrics={**chosen, **cost(objective, history)},
        history=history.epochs,
        seconds=history.seconds,
        keep=(WEIGHTS, OBJECTIVE, *map(snapshot, job.snapshots)),
        more={"warning": warning} if warning else {},
    )


KNOWS = 0.95
"""A test loss below this share of guessing's says that a network knows something."""


def at_chance(metrics: Mapping[str, float], images: float, classes: int) -> str:
    """What to say of a network that cannot be told from one that guesses: a top-1 accuracy less
    than three standard errors above chance, with a loss that is no lower; "" of any other.

    Args:
        metrics: ``top1`` in percent and ``test_loss``.
        images: on which they were measured.
        classes: how many.

    Example:
        >>> at_chance({"top1": 20.0, "test_loss": 550.0}, 50, 5).partition(";")[0]
        'top-1 20.0 % of 50 images at the last epoch cannot be told from guessing (20.0 +- 17.0 %)'
        >>> at_chance({"top1": 60.0, "test_loss": 1.2}, 50, 5)
        ''
    """
    if classes < 2 or not images:
        return ""
    share = 1 / classes
    error = math.sqrt(share * (1 - share) / images)
    few = metrics["top1"] <= 100 * (share + 3 * error)
    if not few or metrics["test_loss"] < KNOWS * math.log(classes):
        return ""
    return (
        f"top-1 {metrics['top1']:.1f} % of {images:.0f} images at the last epoch cannot be told "
        f"from guessing ({100 * share:.1f} +- {300 * error:.1f} %); the test loss is "
        f"{metrics['test_loss']:.2f}, guessing has {math.log(classes):.2f}"
    )


def loaders(job: TrainJob, context: Context, fabric: Fabric) -> tuple[Loader, Loader]:
    """Training and test batches on Fabric's device."""
    row, root = DATASETS[job.images.name], context.data_folder(job.images)
    augment = Augment(**dict(job.augment))
    # a generated set says itself how large its images are
    side = dict(job.images.spec).get("size", row.size)
    made = []
    for images, train in zip(read_splits(job.images, root), (True, False), strict=True):
        if side <= SMALL and augment.batched:
            images = images.in_memory(side)
        made.append(
            Loader(
                images,
                augment,
                job.recipe.batch,
                job.seed,
                train,
                mean=row.mean,
                std=row.std,
                rank=fabric.global_rank,
                world=fabric.world_size,
                device=fabric.device,
                workers=context.workers,
                shards=job.recipe.shards,
            )
        )
    return made[0], made[1]


def new_objective(job: TrainJob, steps: int, context: Context) -> Objective:
    """The freshly initialized objective with its trained teacher, if it has one; ``steps`` is the
    length of its schedules."""
    weights = None if job.weights is None else published.source(job.weights.name)
    classes = len(context.data_classes(job.images))
    net = builder.net(job.backbone.name, classes, job.seed, weights, job.recipe.drop_path)
    if BACKBONES[job.backbone.name].family == "own":
        channels, side = len(DATASETS[job.images.name].mean), dict(job.augment)["size"]
        check_logits(net, job.backbone.name, classes, (channels, side, side))
    return builder.objective(
        job.method.name,
        net,
        unpaired(job.method.params),
        job.recipe,
        steps=steps,
        seed=job.seed,
        teacher=None if job.teacher is None else trained_network(job.teacher, context),
    )


def trained_objective(job: TrainJob, context: Context, file: str = OBJECTIVE) -> Objective:
    """The objective with the state that a file of the job's finished result holds, on the CPU."""
    objective = new_objective(job, 1, context)
    objective.load_state_dict(context.state(job, file))
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
