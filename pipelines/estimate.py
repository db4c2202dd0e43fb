"""What a job takes: operations and memory, counted from its own networks on a device that is not
there (:mod:`mixlib.counting`).  Nothing is trained and no GPU is needed.

Counted are convolutions and matrix products.  What mixing, losses, optimizer and data loading take
beside them is in the share of the peak that a GPU is said to reach.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch

from downstream.detection.c4 import C4Detector
from downstream.detection.settings import DetectSettings
from downstream.segmentation.settings import SegmentSettings
from downstream.segmentation.upernet import UPerNet
from mixlib.catalog import build as builder
from mixlib.catalog.methods import method
from mixlib.counting.activations import Activations
from mixlib.counting.backward import backward_in_python
from mixlib.counting.fake_device import FakeDevice
from mixlib.counting.operations import Operations
from mixlib.data.augmentations import Augment
from mixlib.data.catalog import DATASETS
from mixlib.models import backbones
from mixlib.training.recipes import Recipe
from pipelines.plan.inputs import Data, Row
from pipelines.plan.job import Job
from pipelines.plan.kinds import DetectJob, LocalizeJob, MixedJob, TrainJob
from pipelines.plan.kinds.attention import AttentionJob
from pipelines.plan.kinds.calibration import CalibrationJob
from pipelines.plan.kinds.occlusion import OcclusionJob
from pipelines.plan.kinds.robustness import RobustnessJob
from pipelines.plan.kinds.segment import SegmentJob
from pipelines.plan.setting import pairs, unpaired

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


class _Everything(dict[str, int]):
    """Every function may read from the device: only its operations are of interest here."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> int:
        # a tensor in the place of another is right, so a check of values passes
        return 0 if name.endswith("._check") else 1


@dataclass(frozen=True)
class Load:
    """What a job takes.

    Attributes:
        operations: of all of it.
        memory: bytes that a GPU must have; the same for every number of GPUs.
        precision: Fabric's word for the arithmetic.
    """

    operations: float
    memory: float
    precision: str = "32-true"


@dataclass(frozen=True)
class StepLoad:
    """What one forward and backward pass takes: operations, bytes kept for the backward pass,
    parameters in all and trained ones, and the operations of a forward pass per image."""

    operations: int
    activations: int
    parameters: int
    trained: int
    forward: float


def of_job(job: Job) -> Load:
    """What a planned job takes.

    Raises:
        TypeError: a kind of job that nobody has counted yet.
    """
    if isinstance(job, TrainJob):
        return _train(job)
    if isinstance(job, DetectJob):
        return _detect(job)
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
    return counted if most is None else min(most, counted)


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
    step = _segmenter(job.parent.backbone.name, s, DATASETS[job.scenes.name].classes or 2)
    factor, more = SPARE
    memory = factor * (step.activations + 4 * (step.parameters + 4 * step.trained)) + more
    # windows at one scale and flipped at six, each about as large as a crop
    windows = images(job.scenes, train=False) * (1 + 2 * 6) * (s.longest / s.crop)
    return Load(float(step.operations) * s.steps + step.forward * windows, memory)


@cache
def _segmenter(backbone: str, settings: SegmentSettings, classes: int) -> StepLoad:
    """Counts one step of a segmenter."""
    model = UPerNet(backbones.build(backbone, 10, 0), classes, settings)
    with FakeDevice(_Everything()), backward_in_python():
        model.to("cuda").train()
        held = [*model.parameters(), *model.buffers()]
        x = torch.empty(settings.batch, 3, settings.crop, settings.crop, device="cuda")
        with Operations() as counter:
            with Activations(held) as kept:
                out = model(x)
                loss = sum(t.sum() for t in (out if isinstance(out, tuple) else (out,)))
            loss.backward()  # type: ignore[union-attr]
        with Operations() as forward, torch.no_grad():
            model.eval()(x)
    numbers = sum(t.numel() for t in held)
    return StepLoad(counter.total, kept.peak, numbers, numbers, forward.total / settings.batch)


def _forward_memory(step: StepLoad) -> float:
    return SPARE[0] * 4 * step.parameters + 2 * SPARE[1]


def _step_of(job: TrainJob) -> StepLoad:
    row, recipe = method(job.method.name), job.recipe
    params = unpaired(job.method.params)
    classes = DATASETS[job.images.name].classes or 10
    size = Augment(**dict(job.augment)).size
    # what says how long and how fast changes no step
    alike = dataclasses.replace(recipe, name="", source="", epochs=1, lr=0.1, min_lr=0.0)
    averaged = recipe.weight_ema is not None or params.get("pipeline", "none") != "none"
    # token labels are counted as a network and its teacher: their own classifier is small
    if row.objective != "once" and "teacher" not in row.needs:
        same = {key: value for key, value in params.items() if key not in COSTLESS}
        return _step(job.backbone.name, Row(row.name, 1, pairs(same)), alike, classes, size)
    # drawing, blending and searching are no convolutions; looking into a network is one more pass
    plain: dict[str, Any] = {}
    if averaged:
        plain = {"pipeline": params["pipeline"]} if "pipeline" in params else {}
    found = _step(job.backbone.name, Row("mixup", 1, pairs(plain)), alike, classes, size)
    passes = 2 * ("input_grad" in row.needs) + ("teacher" in row.needs and job.teacher is None)
    batch = recipe.batch // recipe.shards
    more = int(passes * found.forward * batch)
    if job.teacher is not None:
        more += int(_forward(job.teacher.backbone.name, classes, size) * batch)
    return dataclasses.replace(found, operations=found.operations + more)


@cache
def _forward(backbone: str, classes: int, size: int) -> float:
    """Counts one image's forward pass."""
    net = builder.net(backbone, classes, 0).eval()
    with FakeDevice(_Everything()):
        net.to("cuda")
        with Operations() as counter, torch.no_grad():
            net(torch.empty(1, 3, size, size, device="cuda"))
    return float(counter.total)


@cache
def _step(backbone: str, row: Row, recipe: Recipe, classes: int, size: int) -> StepLoad:
    """Counts one shard's forward and backward pass."""
    batch = max(2, recipe.batch // recipe.shards)
    net = builder.net(backbone, classes, 0)
    objective = builder.objective(row.name, net, unpaired(row.params), recipe, steps=2, seed=0)
    with FakeDevice(_Everything()), backward_in_python():
        objective.to("cuda").train()
        x = torch.empty(batch, 3, size, size, device="cuda")
        y = torch.zeros(batch, dtype=torch.int64, device="cuda")
        held = [*objective.parameters(), *objective.buffers()]
        mixed = torch.autocast("cuda", torch.bfloat16, enabled=recipe.precision == "bf16-mixed")
        with Operations() as counter:
            with Activations(held) as kept, mixed:
                loss = objective(x, y, torch.Generator().manual_seed(0)).loss
            loss.backward()
        with Operations() as forward, torch.no_grad():
            objective.predictor()(x)
        trained = sum(p.numel() for group in objective.groups().values() for p in group)
    return StepLoad(
        counter.total, kept.peak, sum(t.numel() for t in held), trained, forward.total / batch
    )


def _detect(job: DetectJob) -> Load:
    s = job.settings
    step = _detector(job.parent.backbone.name, s, DATASETS[job.scenes.name].classes or 20)
    factor, more = SPARE
    memory = factor * (s.batch * step.activations + 4 * (step.parameters + 2 * step.trained)) + more
    work = float(step.operations) * s.batch * s.iterations
    return Load(work + step.forward * images(job.scenes, train=False), memory)


@cache
def _detector(backbone: str, settings: DetectSettings, classes: int) -> StepLoad:
    """Counts one image: trunk and proposals at the mean training size, the head on its regions.

    The memory is that of the largest size (4 : 3).
    """
    net = backbones.build(backbone, 10, 0)
    model = C4Detector(net, classes, settings, torch.Generator().manual_seed(0))
    sizes = settings.train_sizes
    with FakeDevice(_Everything()), backward_in_python():
        model.to("cuda").train()
        largest = _detect_image(model, settings, max(sizes))
        mean = _detect_image(model, settings, sum(sizes) // len(sizes))
    return dataclasses.replace(mean, activations=largest.activations)


def _detect_image(model: C4Detector, settings: DetectSettings, side: int) -> StepLoad:
    held = [*model.parameters(), *model.buffers()]

    def run(regions: int) -> torch.Tensor:
        x = torch.empty(1, 3, side, min(settings.max_size, side * 4 // 3), device="cuda")
        z = model.layer3(model.layer2(model.layer1(model._stem(x))))
        shared = torch.relu(model.rpn_conv(z))
        shape = (regions, z.shape[1], settings.roi_size, settings.roi_size)
        pooled = torch.empty(shape, device="cuda").requires_grad_()
        seen = model.extra_norm(model.layer4(pooled)).mean((2, 3))
        parts = (model.rpn_logits(shared), model.rpn_deltas(shared))
        heads = (model.cls_score(seen), model.bbox_pred(seen))
        return torch.stack([part.sum() for part in (*parts, *heads)]).sum()

    with Operations() as counter:
        with Activations(held) as kept:
            loss = run(settings.rois_per_image)
        loss.backward()
    with Operations() as forward, torch.no_grad():
        run(settings.post_nms[1])
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    return StepLoad(
        counter.total, kept.peak, sum(t.numel() for t in held), trained, float(forward.total)
    )
