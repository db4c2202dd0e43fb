"""The training loop, one for every objective, dataset and scale.

Frames from here to a tensor operation: ``fit`` > ``objective.forward`` > ``blend``; a test counts
them.  All randomness comes from (seed, purpose, step), so a run that was killed and resumed ends
with the same bits on the CPU as one that was not.

Example:
    >>> from dataclasses import replace
    >>> from mixlib.catalog.build import net, objective
    >>> from mixlib.training.recipes import recipe
    >>> class Same:  # a loader: the same batch twice an epoch
    ...     def __len__(self):
    ...         return 2
    ...     def epoch(self, e, start_step=0):
    ...         yield from [(torch.ones(4, 3, 32, 32), torch.arange(4))] * (2 - start_step)
    >>> short = replace(recipe("cifar"), epochs=1)
    >>> network = net("resnet10_w16", classes=4, seed=0)
    >>> mixing = objective("mixup", network, {"alpha": 1.0}, short, steps=2, seed=0)
    >>> fabric = Fabric(accelerator="cpu", devices=1)
    >>> fabric.launch()
    >>> fit(mixing, Same(), None, short, seed=0, fabric=fabric).steps
    2
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Protocol, SupportsFloat, cast, runtime_checkable

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn

from mixlib.core.objective import Objective, Step
from mixlib.models.strided_pointwise import avoid_narrow_strided_pointwise
from mixlib.seed import derive, generator
from mixlib.training import optimizers
from mixlib.training.checkpoint import Checkpoint
from mixlib.training.evaluate import accuracy
from mixlib.training.recipes import Recipe
from mixlib.training.shards import Shards, check_batch_norm
from mixlib.training.sync_batch_norm import synchronize

__all__ = ["History", "Loader", "fit", "silent"]

Batch = tuple[Tensor, Tensor]
# numbers, or tensors of one that are still on the device
Report = Callable[[str, int, int, Mapping[str, SupportsFloat]], None]


@runtime_checkable
class Loader(Protocol):
    """What the loop needs of a data loader (``mixlib.data.loader.Loader`` is one).

    Example:
        >>> class Same:  # the same batch twice an epoch
        ...     def __len__(self):
        ...         return 2
        ...     def epoch(self, e, start_step=0):
        ...         yield from [(torch.ones(4, 3, 32, 32), torch.arange(4))] * (2 - start_step)
        >>> isinstance(Same(), Loader)
        True
    """

    def __len__(self) -> int:
        """Batches in an epoch."""

    def epoch(self, e: int, start_step: int = 0) -> Iterator[Batch]:
        """The batches of epoch e from ``start_step`` on; the same ones whenever it is asked.

        In training a step has one for each shard of this process, in order.
        """


@dataclass
class History:
    """What a run has measured so far; part of its checkpoint.

    ``epochs`` holds one row per epoch; ``seconds`` the time spent in training steps over all
    attempts, ``images`` and ``steps`` what was done in that time.

    Example:
        >>> History().epochs
        []
    """

    epochs: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    images: int = 0
    steps: int = 0


NEVER = 2**62
"""The step at which a run breaks that does not."""
LOOK = 50
"""Steps between looks at whether one broke, where a look waits for a device or other processes."""


def silent(what: str, done: int, total: int, values: Mapping[str, SupportsFloat]) -> None:
    """The report that prints nothing.

    Example:
        >>> silent("train", 1, 100, {"loss": 0.5})
    """


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
    """Trains an objective in place, on Fabric's device (launched: device, precision, DDP).

    Args:
        objective, recipe, seed: what to minimize, how, and the seed of every draw of the run.
        train, test: batches of (images, labels) on that device; None is no evaluation.
        checkpoint: where to save and resume; None trains in one go.
        report: called with (phase, steps done, of all, values) after steps ("train") and epochs
            ("test" where evaluated, else "epoch").
        evaluate_every: epochs between evaluations; the last ten always are (the papers' median).
        at_epoch: called with the number of finished epochs: 0 before the first, then after each.

    Raises:
        FloatingPointError: the loss of a step was not finite; names the step. On a GPU, or with
            several processes, up to 50 more are done before.
        ValueError: this number of processes cannot do the recipe's shards; says which can.
        StoppedAtCheckpoint: the checkpoint was asked to stop, and holds the run's state.
    """
    run, report = Run(objective, train, recipe, fabric, checkpoint), _on_first(fabric, report)
    if not run.step:
        at_epoch(0)
    with tensors_only(objective):
        for epoch in range(len(run.history.epochs), recipe.epochs):
            if recipe.mix_until is not None and epoch >= recipe.mix_until:
                objective.stop_mixing()
            run.start_clock()
            done = run.step - epoch * len(train)
            batches = train.epoch(epoch, done)
            for _ in range(done, len(train)):
                run.begin_step()
                for shard, (x, y) in zip(run.shards.own, batches, strict=False):
                    with run.shard(shard):
                        seed_layers(seed, run.step, shard)
                        loss, terms = run.model(x, y, generator(seed, "mix", run.step, shard))
                        fabric.backward(loss / len(run.shards.own))
                    run.count(loss.detach(), terms, len(x))
                run.clip(recipe.grad_clip)
                run.optimizer.step()
                run.end_step()
                objective.update_teacher(run.step - 1)
                run.save_if_due()
                report("train", run.step, run.steps, {"epoch": epoch + 1.0, "loss": run.loss})
            due = epoch >= recipe.epochs - 10 or (epoch + 1) % evaluate_every == 0
            report(*run.end_epoch(epoch, test if due else None))
            at_epoch(epoch + 1)
    return run.history


def _on_first(fabric: Fabric, report: Report) -> Report:
    return report if fabric.is_global_zero else silent


def seed_layers(seed: int, step: int, shard: int) -> None:
    """Sets torch's global generator, the only one that dropout and stochastic depth know, anew for
    every step and shard: what came before a resume does not matter."""
    torch.manual_seed(derive(seed, "layers", step, shard))


@contextmanager
def tensors_only(objective: Objective) -> Iterator[None]:
    """Inside, calling the objective returns (loss, terms) without the mix: Fabric and DDP walk
    through whatever a forward pass returns."""

    def without_mix(_module: nn.Module, _args: object, step: Step) -> tuple[Tensor, object]:
        return step.loss, step.terms

    handle = objective.register_forward_hook(without_mix)
    try:
        yield
    finally:
        handle.remove()


def evaluate(objective: Objective, test: Loader, fabric: Fabric) -> dict[str, float]:
    """Accuracy of the predictor over the whole test set, each process doing its share."""
    predictor = objective.predictor()
    with fabric.autocast():
        return accuracy(predictor, test.epoch(0), lambda sums: over_all(fabric, sums, "sum"))


def over_all(fabric: Fabric, value: Tensor, how: str) -> Tensor:
    """The "sum", "mean" or "min" of a tensor over all processes."""
    return cast(Tensor, fabric.all_reduce(value, reduce_op=how))


class Run:
    """What :func:`fit` carries from step to step; all of it is in the checkpoint.

    Continues from the checkpoint, if there is one.

    Attributes:
        model, optimizer: as Fabric wraps them.
        shards: this process's, see :mod:`mixlib.training.shards`.
        rates: learning rate of every group at every step.
        step, steps: done so far, and in the whole run.
        history: what was measured so far.
        sums: of the objective's terms over the epoch so far.
        loss: of the last step, the mean over this process's shards; on the device.
    """

    def __init__(
        self,
        objective: Objective,
        train: Loader,
        recipe: Recipe,
        fabric: Fabric,
        checkpoint: Checkpoint | None,
    ) -> None:
        avoid_narrow_strided_pointwise(objective)
        if recipe.compile is not None:
            objective.compile_networks(recipe.compile)
        if recipe.channels_last:
            objective.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.objective, self.fabric, self.checkpoint = objective, fabric, checkpoint
        if check_batch_norm(recipe.batch_norm, recipe.shards, fabric.world_size):
            synchronize(objective, fabric.device)
        self.per_epoch = len(train)
        self.rates = optimizers.rates(recipe, recipe.epochs, self.per_epoch)
        self.steps = recipe.epochs * self.per_epoch
        optimizer = optimizers.build(objective.groups(), recipe, optimizers.exempt(objective))
        self.model, self.optimizer = fabric.setup(objective, optimizer)
        self.shards = Shards(
            objective,
            recipe.shards,
            fabric.global_rank,
            fabric.world_size,
            lambda values: over_all(fabric, values, "sum"),
        )
        self.history, self.step = History(), 0
        self.sums: dict[str, Tensor] = {}
        # the first step whose loss was not finite; stays on the device as the sums do
        self.broken: Tensor | None = None
        self.loss = torch.zeros(())
        local = fabric.world_size == 1 and fabric.device.type == "cpu"
        self.look = 1 if local else LOOK
        self._began = 0.0
        self._restore()

    def clip(self, norm: float | None) -> None:
        """Scales the gradients down to a norm, if there is one; a gradient that is not finite is
        left to :meth:`count`, which names the step."""
        if norm is None:
            return
        self.fabric.clip_gradients(
            self.model, self.optimizer, max_norm=norm, error_if_nonfinite=False
        )

    def begin_step(self) -> None:
        """Starts a step: its learning rates, no gradients, no terms, statistics as they are."""
        optimizers.set_rates(self.optimizer, self.rates, self.step)
        self.optimizer.zero_grad(set_to_none=True)
        self.shards.begin()
        self._terms: dict[str, Tensor] = {}
        self._losses: list[Tensor] = []
        if self.shards.count > 1:
            # a shard may leave these out, and all processes exchange the same ones
            zero = torch.zeros((), dtype=torch.float64, device=self.fabric.device)
            self._terms = dict.fromkeys(self.objective.optional_terms, zero)

    @contextmanager
    def shard(self, shard: int) -> Iterator[None]:
        """One shard's forward and backward; gradients are exchanged with the last one's."""
        more = shard != self.shards.own[-1]
        with self.fabric.no_backward_sync(self.model, enabled=more), self.shards.part():
            yield

    def count(self, loss: Tensor, terms: dict[str, Tensor], images: int) -> None:
        """Books one shard of a step."""
        self._losses.append(loss)
        now = torch.where(loss.isfinite(), NEVER, self.step + 1)
        self.broken = now if self.broken is None else torch.minimum(self.broken, now)
        for name, value in terms.items():
            # sums stay on the device: reading them would stop the step
            before = self._terms.get(name)
            self._terms[name] = value.double() if before is None else before + value.double()
        self.history.images += images * self.fabric.world_size

    def end_step(self) -> None:
        """Books a finished step: statistics and terms of all shards, the same in every process.

        Raises:
            FloatingPointError: its loss, or that of a step before, was not finite.
        """
        for name, value in self.shards.end(self._terms).items():
            before = self.sums.get(name)
            self.sums[name] = value if before is None else before + value
        self.step += 1
        self.history.steps += 1
        self.loss = sum(self._losses[1:], self._losses[0]) / len(self._losses)
        if self.step % self.look == 0:
            self.stop_if_broken()

    def end_epoch(self, epoch: int, test: Loader | None) -> tuple[str, int, int, dict[str, float]]:
        """Books a finished epoch, evaluated where there is ``test``; what is to be reported."""
        row = {"epoch": epoch + 1.0, **self.means(epoch)}
        if test is not None:
            row |= evaluate(self.objective, test, self.fabric)
        self.history.epochs.append(row)
        return "epoch" if test is None else "test", self.step, self.steps, row

    def stop_if_broken(self) -> None:
        """Ends the run where a step's loss was not finite.

        Raises:
            FloatingPointError: names the step, its epoch, the terms and what to do.
        """
        if self.broken is None:
            return
        first = int(over_all(self.fabric, self.broken, "min"))
        if first == NEVER:
            return
        epoch = (first - 1) // self.per_epoch
        raise FloatingPointError(
            f"step {first} of {self.steps} (epoch {epoch + 1}): the loss is not finite; lower the "
            f"learning rate (then {self.rates['net'][first - 1]:.3g}) or take a precision of more "
            "digits; the checkpoints before it are kept"
        )

    def means(self, epoch: int) -> dict[str, float]:
        """Means of the objective's terms over the epoch that has ended.

        Raises:
            FloatingPointError: one is not finite.
        """
        means = {name: float(total) / self.per_epoch for name, total in self.sums.items()}
        self.sums = {}
        self.stop_clock()
        self.stop_if_broken()
        if not all(math.isfinite(value) for value in means.values()):
            raise FloatingPointError(
                f"epoch {epoch + 1}: the loss is not finite ({means}); lower the learning rate"
                f" (now {self.rates['net'][self.step - 1]:.3g}) or the precision's speed"
            )
        return means

    def start_clock(self) -> None:
        """Time from here on is training time."""
        self._began = time.monotonic()

    def stop_clock(self) -> None:
        """Adds the time since the last start or stop to the history."""
        now = time.monotonic()
        self.history.seconds += now - self._began
        self._began = now

    def save_if_due(self) -> None:
        """Writes everything that the rest of the run depends on, when the checkpoint wants it."""
        if self.checkpoint is None or not self.checkpoint.due():
            return
        if self.fabric.world_size == 1:
            self.stop_if_broken()
        self.stop_clock()
        self.checkpoint.save(
            {
                "objective": self.objective.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "history": asdict(self.history),
                "step": self.step,
                "sums": self.sums,
            }
        )
        self.checkpoint.leave_if_asked()

    def _restore(self) -> None:
        state = None if self.checkpoint is None else self.checkpoint.load()
        if state is None:
            return
        self.objective.load_state_dict(state["objective"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.history = History(**state["history"])
        self.step = state["step"]
        self.sums = {name: v.to(self.fabric.device) for name, v in state["sums"].items()}
