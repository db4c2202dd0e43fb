"""Fine-tuning of a detector from pretrained weights: the entry point of this package.

Protocol: He et al. (MoCo, CVPR 2020), appendix A.4, with Detectron2's R50-C4; AutoMix, Table 7.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from downstream.detection.batches import training_batches
from downstream.detection.c4 import Batch, C4Detector
from downstream.detection.checkpoint import RunCheckpoint, run_key
from downstream.detection.evaluate import detect_all, intervals, judge
from downstream.detection.processes import ALONE, Processes
from downstream.detection.readers import Records
from downstream.detection.schedule import learning_rates, optimizer
from downstream.detection.settings import DetectSettings
from mixlib.seed import generator
from mixlib.training.checkpoint import Aside
from mixlib.training.sync_batch_norm import synchronize

Progress = Callable[[int, int, Mapping[str, float]], None]
LOG_POINTS = 100  # losses are read, checked and logged about this often in a run


def silent(done: int, total: int, losses: Mapping[str, float]) -> None:
    """The Progress that shows nothing."""


def finetune(
    net_modules: nn.Module,
    settings: DetectSettings,
    train: Records,
    test: Records,
    *,
    seed: int,
    device: torch.device | str,
    workdir: Path,
    progress: Progress = silent,
    checkpoint_seconds: float = 600.0,
    workers: int = 0,
    stop: Callable[[], bool] = lambda: False,
    set_aside: Aside | None = None,
    processes: Processes = ALONE,
    recompute: bool = False,
) -> dict[str, object]:
    """Fine-tune a detector that starts from the ResNet `net_modules`, and evaluate it on `test`.

    Args:
        net_modules: ResNet with its weights loaded; neither changed nor kept.
        settings: what to compute; `settings.backend` picks the implementation.
        train, test: splits with the same classes.
        seed: source of every random draw (new layers, order, flips, sizes, samples).
        device: where to compute.
        workdir: folder of the checkpoint, gone when the run completes. A killed run goes on from it
            with bit-identical results on a CPU (torchvision backend).
        progress: called with (iterations done, of how many, latest losses).
        checkpoint_seconds: how often to save.
        workers: threads that decode images ahead; does not change results.
        stop: asked after every step: whether to save and end with StoppedAtCheckpoint.
        set_aside: called with a broken checkpoint and the reason; None renames the file.
        processes: that share the work; their number changes the order of sums only (torchvision).
        recompute: activations are computed again in the backward pass, in less memory.

    Returns:
        AP, AP50, AP75 in percent, per_class (name -> the same), intervals (name -> bounds),
        losses: a list of rows with iteration and the loss terms.

    Raises:
        DataError: unreadable data, no trainable object. ValueError: classes that differ, another
        run's checkpoint. FloatingPointError: training diverged.
    """
    check_classes(train, test)
    given = {
        "seed": seed, "device": torch.device(device), "progress": progress, "workers": workers,
        "processes": processes, "recompute": recompute,
    }  # fmt: skip
    key = run_key(settings, seed, net_modules.state_dict())
    writer = processes.rank == 0
    kept = RunCheckpoint(Path(workdir), key, checkpoint_seconds, set_aside, stop, writer=writer)
    train_and_detect = _backend(settings.backend)
    data = train.trainable(), test
    found, losses = train_and_detect(net_modules, settings, *data, checkpoint=kept, **given)
    metrics = judge(test, found, settings.ap_rule)
    spread = intervals(test, found, settings.ap_rule)
    if writer:
        kept.clear()
    return metrics | {"losses": losses, "intervals": spread}


def _backend(name: str) -> Callable[..., tuple[Any, Any]]:
    if name != "detectron2":
        return _train_and_detect
    from downstream.detection.detectron2_backend import train_and_detect

    return train_and_detect


def check_classes(train: Records, test: Records) -> None:
    """Refuses splits whose classes differ."""
    if train.classes != test.classes:
        raise ValueError(
            f"train and test need the same classes in the same order, got {train.classes} and "
            f"{test.classes}"
        )


def _train_and_detect(
    net, settings, train, test, *, checkpoint, seed, device, progress, workers, processes, recompute
):
    model = C4Detector(net, len(train.classes), settings, generator(seed, "detection layers"))
    model.recompute = recompute
    if settings.norm != "frozen" and processes.world > 1:
        synchronize(model, device)
        model.freeze()
    # torch's stubs lack the memory format beside a device
    model = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    given = {"seed": seed, "device": device, "workers": workers, "processes": processes}
    losses = train_detector(model, settings, train, checkpoint, progress=progress, **given)
    if settings.precise_bn_iters:
        estimate_norms(model, settings, train, **given)
    return detect_all(model, test, settings, device, processes), losses


def train_detector(
    model: C4Detector,
    settings: DetectSettings,
    train: Records,
    checkpoint: RunCheckpoint,
    *,
    seed: int,
    device: torch.device,
    progress: Progress,
    workers: int,
    processes: Processes = ALONE,
) -> list[dict[str, float]]:
    """Train `model` in place, from its checkpoint if there is one; returns the log of losses."""
    sgd = optimizer(model, settings)
    rates = learning_rates(settings).tolist()
    start, log = 0, []
    saved = checkpoint.load()
    if saved is not None:
        model.load_state_dict(saved["model"])
        sgd.load_state_dict(saved["optimizer"])
        start, log = saved["iteration"], saved["log"]
    every = max(1, settings.iterations // LOG_POINTS)
    batches = training_batches(
        train, settings, seed=seed, start=start, device=device, workers=workers, processes=processes
    )
    model.train()
    for step in range(start, settings.iterations):
        for group in sgd.param_groups:
            group["lr"] = rates[step]
        terms = update(model, batches, sgd, settings, seed, step, processes)
        done = step + 1
        if done % every == 0 or done == settings.iterations:
            log.append(log_row(done, processes.average(terms)))
            if not processes.rank:
                progress(done, settings.iterations, log[-1])
        if checkpoint.due() or (checkpoint.writer and done == settings.iterations):
            log_row(done, terms)  # what is lost does not replace what is good
            checkpoint.save(
                {
                    "model": model.state_dict(),
                    "optimizer": sgd.state_dict(),
                    "iteration": done,
                    "log": log,
                }
            )
            checkpoint.leave_if_asked()
    return log


def update(
    model: C4Detector,
    batches: Iterator[Batch],
    sgd: torch.optim.SGD,
    settings: DetectSettings,
    seed: int,
    step: int,
    processes: Processes = ALONE,
) -> dict[str, torch.Tensor]:
    """One step of gradient descent, with the next batch of every pass; returns the loss terms, of
    this process's shards."""
    sgd.zero_grad(set_to_none=True)
    sums: dict[str, torch.Tensor] = {}
    passes = processes.passes(settings)
    for shards, batch in zip(passes, batches, strict=False):
        terms = model(batch, *(sampling(settings, seed, step, shard) for shard in shards))
        (sum(terms.values()) / len(passes)).backward()
        for name, value in terms.items():
            sums[name] = sums.get(name, 0) + value.detach() / len(passes)
    processes.average_gradients(model)
    sgd.step()
    return sums


def sampling(settings: DetectSettings, seed: int, step: int, shard: int) -> torch.Generator:
    """The generator that samples a shard's anchors and regions in a step."""
    keys = (step,) if settings.shards == 1 else (step, shard)
    return generator(seed, "detection samples", *keys)


def log_row(iteration: int, terms: Mapping[str, torch.Tensor]) -> dict[str, float]:
    """A line of the log. Raises FloatingPointError when a loss is not finite."""
    row = {name: float(value.detach()) for name, value in terms.items()}
    total = sum(row.values())
    if not total < float("inf"):
        raise FloatingPointError(
            f"losses {row} at iteration {iteration} are not finite: training diverged; lower lr "
            "or lengthen warmup_iters"
        )
    return {"iteration": iteration, "total": total} | row


@torch.no_grad()
def estimate_norms(
    model: C4Detector,
    settings: DetectSettings,
    train: Records,
    *,
    seed: int,
    device: torch.device,
    workers: int,
    processes: Processes = ALONE,
) -> None:
    """Replace running statistics by plain averages over precise_bn_iters fresh training batches.

    Wu and Johnson, "Rethinking 'Batch' in BatchNorm" (2021), section 3.
    """
    model.train()
    norms = [m for m in model.modules() if isinstance(m, _BatchNorm) and m.training]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a cumulative average
    short = replace(settings, iterations=settings.precise_bn_iters)
    draw = int(torch.randint(1 << 31, (), generator=generator(seed, "detection norms")))
    batches = training_batches(
        train, short, seed=draw, start=0, device=device, workers=workers, processes=processes
    )
    for step in range(short.iterations):
        for shards, batch in zip(processes.passes(short), batches, strict=False):
            model(batch, *(sampling(short, draw, step, shard) for shard in shards))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
