"""How is a network trained?  One loop for every objective, dataset and scale.

Call frames from here to a tensor: fit > objective.forward > blend.  All randomness comes from
(seed, purpose, step), so a run that was killed and resumed ends with the same bits on the CPU as
one that was not.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol, cast, runtime_checkable

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn

from mixlib.core.objective import Objective
from mixlib.models.strided_pointwise import avoid_narrow_strided_pointwise
from mixlib.seed import derive, generator
from mixlib.training import optimizers
from mixlib.training.checkpoint import Checkpoint
from mixlib.training.evaluate import accuracy
from mixlib.training.recipes import Recipe

Batch = tuple[Tensor, Tensor]
Report = Callable[[str, int, int, dict[str, float]], None]


@runtime_checkable
class Loader(Protocol):
    """What the loop needs of a data loader (``mixlib.data.loader.Loader`` is one)."""

    def __len__(self) -> int:
        """Batches in an epoch."""

    def epoch(self, e: int, start_step: int = 0) -> Iterator[Batch]:
        """The batches of epoch e from ``start_step`` on; the same ones whenever it is asked."""


@dataclass
class History:
    """What a run has measured so far; part of its checkpoint.

    ``epochs`` holds one row per epoch; ``seconds`` the time spent in training steps over all
    attempts, ``images`` and ``steps`` what was done in that time.
    """

    epochs: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    images: int = 0
    steps: int = 0


def silent(what: str, done: int, total: int, values: dict[str, float]) -> None:
    """The report that prints nothing."""


def fit(
    objective: Objective,
    train: Loader,
    test: Loader | None,
    recipe: Recipe,
    *,
    seed: int,
    fabric: Fabric,
    checkpoint: Checkpoint | None = None,
    report: Report = silent,
    evaluate_every: int = 1,
    at_epoch: Callable[[int], None] = lambda epoch: None,
) -> History:
    """Trains an objective in place.

    Args:
        objective: what to minimize; its networks are moved to Fabric's device.
        train: batches of (images, labels) on that device.
        test: batches to evaluate on (None: no evaluation).
        recipe: optimizer, schedule and epochs.
        seed: seed of every draw of the run.
        fabric: launched Lightning Fabric (device, precision, DDP).
        checkpoint: where to save and resume; None trains in one go.
        report: called with (phase, steps done, steps in all, values) after every step and
            evaluation.
        evaluate_every: epochs between evaluations; the last ten epochs are always evaluated,
            because the papers report their median.
        at_epoch: called with the number of finished epochs: 0 before the first, then after each.

    Returns:
        The run's history.

    Raises:
        FloatingPointError: the loss of an epoch was not finite; names the epoch and the terms.
    """
    loop = _Loop(objective, train, recipe, seed, fabric, checkpoint, report)
    loop.restore()
    if not loop.step:
        at_epoch(0)
    for epoch in range(len(loop.history.epochs), recipe.epochs):
        row = {"epoch": epoch + 1.0, **loop.run_epoch(epoch)}
        last_ten = epoch >= recipe.epochs - 10
        if test is not None and (last_ten or (epoch + 1) % evaluate_every == 0):
            row |= loop.evaluate(test)
            loop.report("test", loop.step, loop.steps, row)
        loop.history.epochs.append(row)
        at_epoch(epoch + 1)
    return loop.history


class _Losses(nn.Module):
    """An objective seen by Fabric and DDP: its tensors only, for both walk through what comes
    back."""

    def __init__(self, objective: Objective) -> None:
        super().__init__()
        self.objective = objective

    def forward(
        self, x: Tensor, y: Tensor, rng: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss and named terms."""
        step = self.objective(x, y, rng)
        return step.loss, step.terms


class _Loop:
    """What :func:`fit` carries from step to step; all of it is in the checkpoint."""

    def __init__(
        self,
        objective: Objective,
        train: Loader,
        recipe: Recipe,
        seed: int,
        fabric: Fabric,
        checkpoint: Checkpoint | None,
        report: Report,
    ) -> None:
        avoid_narrow_strided_pointwise(objective)
        if recipe.channels_last:
            objective.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.objective, self.train, self.recipe = objective, train, recipe
        self.seed, self.fabric = seed, fabric
        self.report = report if fabric.is_global_zero else silent
        self.checkpoint = checkpoint or Checkpoint(Path(), float("inf"))
        self.resumes = checkpoint is not None
        self.rates = optimizers.rates(recipe, recipe.epochs, len(train))
        self.steps = recipe.epochs * len(train)
        optimizer = optimizers.build(objective.groups(), recipe)
        self.model, self.optimizer = fabric.setup(_Losses(objective), optimizer)
        self.history, self.step = History(), 0
        self.sums: dict[str, Tensor] = {}

    def run_epoch(self, epoch: int) -> dict[str, float]:
        """Trains to the end of an epoch; returns the means of the objective's terms over it."""
        began = time.monotonic()
        first = self.step - epoch * len(self.train)
        for x, y in self.train.epoch(epoch, first):
            self.run_step(x, y)
            self.history.images += len(x) * self.fabric.world_size
            self.history.steps += 1
            if self.checkpoint.due():
                began = self._clock(began)
                self.save()
            self.report("train", self.step, self.steps, {"epoch": epoch + 1.0})
        sums = {name: self.shared(s, "mean") for name, s in self.sums.items()}
        means = {name: float(total) / len(self.train) for name, total in sums.items()}
        self.sums = {}
        self._clock(began)
        if not all(math.isfinite(value) for value in means.values()):
            raise FloatingPointError(
                f"epoch {epoch + 1}: the loss is not finite ({means}); lower the learning rate"
                f" (now {self.rates['net'][self.step - 1]:.3g}) or the precision's speed"
            )
        return means

    def shared(self, value: Tensor, how: str) -> Tensor:
        """The "sum" or "mean" of a tensor over all processes."""
        return cast(Tensor, self.fabric.all_reduce(value, reduce_op=how))

    def evaluate(self, test: Loader) -> dict[str, float]:
        """Accuracy of the predictor over the whole test set, each process doing its share."""
        predictor = self.objective.predictor()
        if self.fabric.world_size > 1:
            # normalization statistics are each process's own until the next forward of DDP
            for buffer in predictor.buffers():
                torch.distributed.broadcast(buffer, 0)
        with self.fabric.autocast():
            return accuracy(predictor, test.epoch(0), lambda sums: self.shared(sums, "sum"))

    def run_step(self, x: Tensor, y: Tensor) -> None:
        """One optimizer step."""
        rank = self.fabric.global_rank
        optimizers.set_rates(self.optimizer, self.rates, self.step)
        # dropout and stochastic depth know only torch's global generator: it is set anew for every
        # step, so that what came before a resume does not matter
        torch.manual_seed(derive(self.seed, "layers", self.step, rank))
        loss, terms = self.model(x, y, generator(self.seed, "mix", self.step, rank))
        self.optimizer.zero_grad(set_to_none=True)
        self.fabric.backward(loss)
        if self.recipe.grad_clip is not None:
            self.fabric.clip_gradients(self.model, self.optimizer, max_norm=self.recipe.grad_clip)
        self.optimizer.step()
        self.objective.after_step(self.step)
        for name, value in terms.items():
            # sums stay on the device: reading them would stop the step
            self.sums[name] = (
                self.sums[name] + value.double() if name in self.sums else value.double()
            )
        self.step += 1

    def _clock(self, began: float) -> float:
        now = time.monotonic()
        self.history.seconds += now - began
        return now

    def save(self) -> None:
        """Writes everything that the rest of the run depends on."""
        self.checkpoint.save(
            {
                "objective": self.objective.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "history": asdict(self.history),
                "step": self.step,
                "sums": self.sums,
            }
        )

    def restore(self) -> None:
        """Continues from the checkpoint, if there is one."""
        state = self.checkpoint.load() if self.resumes else None
        if state is None:
            return
        self.objective.load_state_dict(state["objective"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.history = History(**state["history"])
        self.step = state["step"]
        self.sums = {name: v.to(self.fabric.device) for name, v in state["sums"].items()}
