"""What a job takes: operations and memory, counted from its own networks on a device that is not
there (:mod:`mixlib.counting`).  Nothing is trained and no GPU is needed.

Counted are convolutions and matrix products.  What mixing, losses, optimizer and data loading take
beside them is in the share of the peak that a GPU is said to reach.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from mixlib.catalog.methods import method
from mixlib.data.augmentations import Augment
from mixlib.data.catalog import DATASETS
from pipelines.plan.inputs import Data, Row
from pipelines.plan.job import Job
from pipelines.plan.kinds import DetectJob, LocalizeJob, MasksJob, MixedJob, TrainJob
from pipelines.plan.kinds.attention import AttentionJob
from pipelines.plan.kinds.calibration import CalibrationJob
from pipelines.plan.kinds.masks import LAMS
from pipelines.plan.kinds.occlusion import OcclusionJob
from pipelines.plan.kinds.robustness import RobustnessJob
from pipelines.plan.kinds.segment import SegmentJob
from pipelines.plan.setting import pairs, unpaired
from pipelines.step_load import StepLoad, of_detector, of_segmenter, of_training, one_shard

GIB = 2**30
EVALUATIONS = (AttentionJob, CalibrationJob, OcclusionJob, RobustnessJob)
CORRUPTED = 19 * 5
"""Corruptions times severities."""
COSTLESS = ("alpha", "momentum", "lam_weight")
"""Parameters of AutoMix that change no operation."""
SPARE = 1.1, 1 * GIB
"""Factor and bytes for fragments, workspaces and the driver's own."""
STATES = {"sgd": 1, "adamw": 2, "lamb": 2}
"""Numbers that an optimizer keeps for every parameter."""


@dataclass(frozen=True)
class Load:
    """What a job takes.

    Attributes:
        operations: of all of it.
        memory: bytes that a GPU must have.
        precision: Fabric's word for the arithmetic.
    """

    operations: float
    memory: float
    precision: str = "32-true"


def of_job(job: Job, gpus: int = 1) -> Load:
    """What a planned job takes.

    Args:
        job: any of a plan.
        gpus: that share it; their number changes the memory of detectors only.

    Raises:
        TypeError: a kind of job that nobody has counted yet.
    """
    if isinstance(job, TrainJob):
        return _train(job)
    if isinstance(job, DetectJob):
        return _detect(job, gpus)
    if isinstance(job, LocalizeJob):
        if job.parent is None:
            return Load(0.0, 0.0)
        step = _step_of(job.parent)
        return Load(step.forward * images(job.scenes, train=False), _forward_memory(step))
    if isinstance(job, SegmentJob):
        return _segment(job)
    if isinstance(job, EVALUATIONS):
        step = _step_of(job.parent)
        return Load(step.forward * _passes(job), _forward_memory(step))
    if isinstance(job, MixedJob):
        step = _step_of(job.parent)
        # the mix looks at the images, and the classifier at the mix
        count = 2 * job.rounds * images(job.parent.images, train=False)
        return Load(step.forward * count, _forward_memory(step))
    if isinstance(job, MasksJob):
        step = _step_of(job.parent)
        return Load(step.forward * len(LAMS) * job.pairs, _forward_memory(step))
    raise TypeError(f"expected a kind of job that can be counted, found {job.kind}")


def stored(job: Job) -> float:
    """Bytes of a job's result on disk: weights, objective, snapshots; and a tenth of its two
    checkpoints, because few jobs run at a time."""
    if isinstance(job, TrainJob):
        step = _step_of(job)
        kept = step.parameters * (1 + len(job.snapshots)) + step.trained
        return 4.0 * kept + 2 * 4.0 * (step.parameters + step.trained) / 10
    if isinstance(job, LocalizeJob):
        return 4.0 * job.settings.grid**2 * images(job.scenes, train=False)
    return 2.0**20


def images(data: Data, train: bool) -> int:
    """Images of the training or the test split, as the catalog declares them."""
    row = DATASETS[data.name]
    most = data.train_cap if train else data.test_cap
    if row.identity == "generated":
        counted = int(dict(data.spec).get("train" if train else "val", 1000))
    else:
        counted = row.count(row.train if train else row.test)
    if not counted:  # of a part of ImageNet only the number of classes is declared
        counted = row.classes * DATASETS["imagenet"].count("train") // 1000
    capped = counted if most is None else min(most, counted)
    if data.held_out:
        return capped - data.held_out if train else data.held_out
    return capped


def _train(job: TrainJob) -> Load:
    recipe, step = job.recipe, _step_of(job)
    steps = recipe.epochs * (images(job.images, train=True) // recipe.batch)
    last = range(max(0, recipe.epochs - 10), recipe.epochs)
    evaluations = {e for e in range(recipe.epochs) if e in last or not (e + 1) % job.evaluate_every}
    # published weights are tested once
    tests = max(1, len(evaluations)) * images(job.images, train=False)
    factor, bytes_more = SPARE
    # weights, gradients and their copies in the buckets of the exchange, optimizer
    numbers = step.parameters + step.trained * (2 + STATES[recipe.optimizer])
    memory = factor * (step.activations + 4 * numbers) + bytes_more
    return Load(
        float(step.operations) * recipe.shards * steps + step.forward * tests,
        memory,
        recipe.precision,
    )


def _passes(job: Job) -> float:
    """Forward passes of one image that an evaluation takes; a gradient counts as three."""
    tests = images(job.data, train=False)
    if isinstance(job, RobustnessJob):
        s = job.settings
        gradients = 1 + s.pgd_steps + 2 * s.apgd_steps
        corrupted = CORRUPTED * min(s.corrupted or tests, tests)
        return corrupted + 3.0 * gradients * min(s.attacked or tests, tests)
    if isinstance(job, OcclusionJob):
        p = job.settings
        return float(len(p.which) * len(p.ratios) * p.repeats * min(p.images or tests, tests))
    if isinstance(job, AttentionJob):
        return float(min(job.settings.images or tests, tests))
    return float(tests)


def _segment(job: SegmentJob) -> Load:
    s = job.settings
    step = of_segmenter(job.parent.backbone.name, s, DATASETS[job.scenes.name].classes or 2)
    factor, more = SPARE
    memory = factor * (step.activations + 4 * (step.parameters + 4 * step.trained)) + more
    # windows at one scale and flipped at six, each about as large as a crop
    windows = images(job.scenes, train=False) * (1 + 2 * 6) * (s.longest / s.crop)
    return Load(float(step.operations) * s.steps + step.forward * windows, memory)


def _forward_memory(step: StepLoad) -> float:
    return SPARE[0] * 4 * step.parameters + 2 * SPARE[1]


def _step_of(job: TrainJob) -> StepLoad:
    row, recipe = method(job.method.name), job.recipe
    params = unpaired(job.method.params)
    classes = DATASETS[job.images.name].classes or 10
    size = Augment(**dict(job.augment)).size
    alike = one_shard(recipe)
    averaged = recipe.weight_ema is not None or params.get("pipeline", "none") != "none"
    # token labels are counted as a network and its teacher: their own classifier is small
    if row.objective != "once" and "teacher" not in row.needs:
        same = {key: value for key, value in params.items() if key not in COSTLESS}
        return of_training(job.backbone.name, Row(row.name, 1, pairs(same)), alike, classes, size)
    # drawing, blending and searching are no convolutions; looking into a network is one more pass
    plain: dict[str, Any] = {}
    if averaged:
        plain = {"pipeline": params["pipeline"]} if "pipeline" in params else {}
    found = of_training(job.backbone.name, Row("mixup", 1, pairs(plain)), alike, classes, size)
    passes = 2 * ("input_grad" in row.needs) + ("teacher" in row.needs and job.teacher is None)
    batch = recipe.batch // recipe.shards
    more = int(passes * found.forward * batch)
    if job.teacher is not None:
        teacher = of_training(
            job.teacher.backbone.name, Row("mixup", 1, pairs({})), alike, classes, size
        )
        more += int(teacher.forward * batch)
    return dataclasses.replace(found, operations=found.operations + more)


def _detect(job: DetectJob, gpus: int) -> Load:
    s = job.settings
    # images of one forward pass (downstream.detection.processes)
    alone = s.norm == "frozen" and s.backend == "torchvision"
    held = s.batch // (s.shards if alone else gpus)
    step = of_detector(job.parent.backbone.name, s, DATASETS[job.scenes.name].classes or 20)
    factor, more = SPARE
    memory = factor * (held * step.activations + 4 * (step.parameters + 3 * step.trained)) + more
    work = float(step.operations) * s.batch * s.iterations
    return Load(work + step.forward * images(job.scenes, train=False), memory)
