"""Execution of kind "robustness": corrupted and attacked test images (AutoMix, Table 6)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from downstream.errors import InputError
from downstream.robustness.apgd import apgd
from downstream.robustness.attacks import Attack, Normalized, fgsm, pgd
from downstream.robustness.corrupt import corrupt
from downstream.robustness.corrupted_sets import read_cifar_c, read_imagenet_c
from downstream.robustness.scores import AttackResult, CorruptionAccuracy, measure_attacks
from downstream.robustness.settings import RobustnessSettings
from downstream.robustness.severities import CORRUPTIONS, LEVELS
from mixlib.core.net import inference
from mixlib.data.catalog import DATASETS
from mixlib.data.images import Images
from mixlib.seed import generator
from mixlib.training.checkpoint import KeptCheckpoint
from pipelines.execute.context import Context
from pipelines.execute.outcome import Outcome
from pipelines.execute.stop_at_checkpoint import kept_checkpoint
from pipelines.execute.trained import (
    load_batches,
    load_test_images,
    native_side,
    reported,
    trained_network,
)
from pipelines.plan.kinds.robustness import RobustnessJob

TABLE = "corruptions"
"""Where a result holds the accuracies [K, 5] by corruption and severity."""


def run(job: RobustnessJob, context: Context) -> Outcome:
    """Measures accuracy under every corruption, then errors under every attack.

    What is done is kept in the working folder: after a kill or a stop it is not measured again.
    """
    with kept_checkpoint(job, context) as checkpoint:
        return measure(job, context, checkpoint)


def measure(job: RobustnessJob, context: Context, checkpoint: KeptCheckpoint) -> Outcome:
    """All measurements from the checkpoint on; a step is one severity or one attacked batch.

    Raises:
        StoppedAtCheckpoint: the checkpoint was asked to stop, and holds what was measured.
    """
    began = time.monotonic()
    model = trained_network(job.parent, context).model
    state: dict[str, Any] = checkpoint.load() or {"accuracy": {}, "seconds": 0.0}
    before = state["seconds"]

    def keep() -> None:
        state["seconds"] = before + time.monotonic() - began
        if checkpoint.due():
            checkpoint.save(state)
            checkpoint.leave_if_asked()

    for name in CORRUPTIONS:
        row = state["accuracy"].setdefault(name, [])
        for images in corrupted(job, context, name, LEVELS[len(row) :]):
            row.append(_accuracy(job, context, model, images))
            keep()
        context.progress(TABLE, len(state["accuracy"]), len(CORRUPTIONS), {})
    table = CorruptionAccuracy(
        CORRUPTIONS, np.array([state["accuracy"][name] for name in CORRUPTIONS])
    )
    metrics = table.metrics()
    if job.baseline is not None:
        metrics["mce"] = table.mce(read_table(context.store.read(job.baseline)), CORRUPTIONS)
    attacked = attack_all(job, context, model, state, keep)
    metrics |= attacked.metrics()
    metrics["clean_top1"] = clean_accuracy(job, context, model)
    return Outcome(
        metrics=metrics,
        history=[],
        seconds=before + time.monotonic() - began,
        more={
            TABLE: {"names": list(CORRUPTIONS), "accuracy": table.accuracy.tolist()},
            "attacked": len(attacked.clean),
        },
    )


def read_table(result: Mapping[str, Any]) -> CorruptionAccuracy:
    """The accuracies by corruption and severity of a finished measurement."""
    body = result[TABLE]
    return CorruptionAccuracy(tuple(body["names"]), np.array(body["accuracy"]))


def clean_accuracy(job: RobustnessJob, context: Context, model: nn.Module) -> float:
    """Top-1 accuracy (percent) on all test images as they are."""
    images = load_test_images(job.parent, context)
    return _accuracy(job, context, model, images)


def corrupted(
    job: RobustnessJob, context: Context, name: str, levels: Sequence[int]
) -> Iterator[Images]:
    """The test images under one corruption, by severity, made as they are asked for.

    Raises:
        InputError: a published set of other classes than the network's.
    """
    if not levels:
        return
    if job.published is not None:
        yield from published(job, context, name, levels)
        return
    clean = load_test_images(job.parent, context, job.settings.corrupted)
    pixels = clean.in_memory(native_side(job.parent)).pixels
    assert pixels is not None
    for level in levels:
        yield Images(clean.labels, clean.names, corrupt(pixels, name, level, job.settings.seed))


def published(
    job: RobustnessJob, context: Context, name: str, levels: Sequence[int]
) -> Iterator[Images]:
    """The images of one corruption of the published set, by severity."""
    assert job.published is not None
    row, root = DATASETS[job.published.name], context.data_folder(job.published)
    classes = tuple(context.data_classes(job.parent.images))
    if row.layout == "cifar-c":
        found = read_cifar_c(root, name, len(classes))
        if row.classes != len(classes):
            raise InputError(
                f"{root}: expected the {len(classes)} classes that the network was trained on, "
                f"found a set of {row.classes}: name the corrupted images of its own dataset"
            )
        for level in levels:
            pixels = found.images[LEVELS.index(level)]
            yield Images(found.labels, classes, np.array(pixels))
        return
    place = {known: number for number, known in enumerate(classes)}
    for level in levels:
        listed = read_imagenet_c(root, name, level)
        if unknown := [own for own in listed.classes if own not in place]:
            raise InputError(
                f"{root}: expected classes that the network was trained on, found {unknown[0]}"
            )
        labels = np.array([place[own] for own in listed.classes], np.int64)[listed.labels]
        yield Images(labels, classes, paths=listed.paths)


def _accuracy(job: RobustnessJob, context: Context, model: nn.Module, images: Images) -> float:
    loader = load_batches(job.parent, context, images, job.settings.batch)
    right, finite = [], []
    with inference(model):
        for x, y in loader.epoch(0):
            logits = model(x)
            right.append((logits.argmax(1) == y).sum())
            finite.append(logits.isfinite().all())
    if not torch.stack(finite).all():
        # the largest of NaN is the first class, and an accuracy like any other
        raise FloatingPointError("logits are not finite")
    return 100 * int(torch.stack(right).sum()) / len(images)


def attack_all(
    job: RobustnessJob,
    context: Context,
    model: nn.Module,
    state: dict[str, Any],
    keep: Any,
) -> AttackResult:
    """Attacks every image, from the batch that ``state`` has reached; calls ``keep`` after each."""
    s, row = job.settings, DATASETS[job.parent.images.name]
    images = load_test_images(job.parent, context, s.attacked)
    loader = load_batches(job.parent, context, images, s.batch, normalized=False)
    seen = Normalized(model, row.mean, row.std)
    done: list[dict[str, Tensor]] = state.setdefault("attacks", [])
    for x, y in reported(loader, context, "attacks", start=len(done)):
        # pixels come back from the test transform with the rounding of its division
        found = measure_attacks(
            seen, [(x.clamp(0, 1), y)], attacks(s, len(done), len(images.names))
        )
        parts = {"clean": found.clean, **found.survived}
        done.append({name: torch.from_numpy(values) for name, values in parts.items()})
        keep()
    merged = {name: torch.cat([part[name] for part in done]).numpy() for name in done[0]}
    return AttackResult(merged.pop("clean"), merged)


def attacks(s: RobustnessSettings, number: int, classes: int) -> dict[str, Attack]:
    """The attacks on the batch of a number; those that start at random draw by it."""

    def rng(name: str) -> torch.Generator:
        return generator(s.seed, "attack", name, number)

    found: dict[str, Attack] = {
        "fgsm": partial(fgsm, epsilon=s.epsilon),
        "pgd": partial(pgd, epsilon=s.epsilon, step=s.pgd_step, steps=s.pgd_steps, rng=rng("pgd")),
        "apgd_ce": partial(
            apgd, epsilon=s.epsilon, steps=s.apgd_steps, loss="ce", rng=rng("apgd_ce")
        ),
    }
    if classes > 2:  # the ratio of logits compares the first with the third
        found["apgd_dlr"] = partial(
            apgd, epsilon=s.epsilon, steps=s.apgd_steps, loss="dlr", rng=rng("apgd_dlr")
        )
    return found
