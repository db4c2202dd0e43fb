"""What one training step of a network takes, counted on a device that is not there.

Counted are convolutions and matrix products, and what a backward pass keeps.  A count is kept on
disk (:mod:`pipelines.kept_counts`): it is the same until the code that is counted changes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

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
from mixlib.models import backbones
from mixlib.training.recipes import Recipe
from pipelines.kept_counts import kept_count
from pipelines.plan.inputs import Row
from pipelines.plan.setting import unpaired


class _Everything(dict[str, int]):
    """Every function may read from the device: only its operations are of interest here."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> int:
        # a tensor in the place of another is right, so a check of values passes
        return 0 if name.endswith("._check") else 1


@dataclass(frozen=True)
class StepLoad:
    """What one forward and backward pass takes: operations, bytes kept for the backward pass,
    parameters in all and trained ones, and the operations of a forward pass per image."""

    operations: int
    activations: int
    parameters: int
    trained: int
    forward: float


@contextmanager
def absent_device(plain: bool) -> Iterator[str]:
    """A device that is not there, for what is counted inside.

    Args:
        plain: convolutional, in single precision, and nothing is read back: torch's "meta" device
            will do, whose steps take a tenth of the time.  Attention is another on a GPU, and so is
            autocast: they are counted on a CUDA device of fake tensors.
    """
    if plain:
        yield "meta"
        return
    with FakeDevice(_Everything()), backward_in_python():
        yield "cuda"


@contextmanager
def halved() -> Iterator[None]:
    """What ``torch.autocast("cuda", torch.bfloat16)`` does, which is off, with a warning, where no
    such device is."""
    before = torch.is_autocast_enabled("cuda"), torch.get_autocast_dtype("cuda")
    torch.set_autocast_enabled("cuda", True)
    torch.set_autocast_dtype("cuda", torch.bfloat16)
    torch.autocast_increment_nesting()
    try:
        yield
    finally:
        if not torch.autocast_decrement_nesting():
            torch.clear_autocast_cache()
        torch.set_autocast_enabled("cuda", before[0])
        torch.set_autocast_dtype("cuda", before[1])


def one_shard(recipe: Recipe) -> Recipe:
    """What of a recipe changes the operations of a step: recipes that differ in the rest share a
    count.  Its batch is one shard's, with a partner for everybody.

    Example:
        >>> from mixlib.training.recipes import recipe
        >>> one_shard(recipe("imagenet_pytorch")).batch
        32
    """
    return Recipe(
        "",
        "",
        batch=max(2, recipe.batch // recipe.shards),
        loss=recipe.loss,
        precision=recipe.precision,
        weight_ema=None if recipe.weight_ema is None else 0.999,
    )


@kept_count
def of_training(backbone: str, row: Row, recipe: Recipe, classes: int, size: int) -> StepLoad:
    """A shard's forward and backward pass; the recipe is that of :func:`one_shard`."""
    batch = recipe.batch
    net = builder.net(backbone, classes, 0)
    objective = builder.objective(row.name, net, unpaired(row.params), recipe, steps=2, seed=0)
    plain = net.layout == "channels_first" and recipe.precision == "32-true"
    # an objective of its own keeps other activations there
    plain &= method(row.name).objective == "once" and not method(row.name).needs
    with absent_device(plain) as device:
        objective.to(device).train()
        x = torch.empty(batch, 3, size, size, device=device)
        y = torch.zeros(batch, dtype=torch.int64, device=device)
        held = [*objective.parameters(), *objective.buffers()]
        mixed = halved() if recipe.precision == "bf16-mixed" else nullcontext()
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


@kept_count
def of_segmenter(backbone: str, settings: SegmentSettings, classes: int) -> StepLoad:
    """One step of a segmenter."""
    model = UPerNet(backbones.build(backbone, 10, 0), classes, settings)
    with absent_device(plain=False) as device:
        model.to(device).train()
        held = [*model.parameters(), *model.buffers()]
        x = torch.empty(settings.batch, 3, settings.crop, settings.crop, device=device)
        with Operations() as counter:
            with Activations(held) as kept:
                out = model(x)
                loss = sum(t.sum() for t in (out if isinstance(out, tuple) else (out,)))
            loss.backward()  # type: ignore[union-attr]
        with Operations() as forward, torch.no_grad():
            model.eval()(x)
    numbers = sum(t.numel() for t in held)
    return StepLoad(counter.total, kept.peak, numbers, numbers, forward.total / settings.batch)


@kept_count
def of_detector(backbone: str, settings: DetectSettings, classes: int) -> StepLoad:
    """One image: trunk and proposals at the mean training size, the head on its regions.

    The memory is that of the largest size (4 : 3).
    """
    net = backbones.build(backbone, 10, 0)
    model = C4Detector(net, classes, settings, torch.Generator().manual_seed(0))
    sizes = settings.train_sizes
    with absent_device(plain=True) as device:
        model.to(device).train()
        largest = _detect_image(model, settings, max(sizes))
        mean = _detect_image(model, settings, sum(sizes) // len(sizes))
    return dataclasses.replace(mean, activations=largest.activations)


def _detect_image(model: C4Detector, settings: DetectSettings, side: int) -> StepLoad:
    held = [*model.parameters(), *model.buffers()]
    device = held[0].device

    def run(regions: int) -> torch.Tensor:
        x = torch.empty(1, 3, side, min(settings.max_size, side * 4 // 3), device=device)
        z = model.layer3(model.layer2(model.layer1(model._stem(x))))
        shared = torch.relu(model.rpn_conv(z))
        shape = (regions, z.shape[1], settings.roi_size, settings.roi_size)
        pooled = torch.empty(shape, device=device).requires_grad_()
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
