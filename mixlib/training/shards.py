"""Shards in training: what every process does to make a step that of all shards.

Each shard starts a step from the same running statistics, as the GPU of a paper's training that it
stands for; after the step they are averaged over the shards.  (DistributedDataParallel alone would
keep the first process's.)  Gradients are averaged by it, draws belong to (step, shard).  So the
number of processes changes nothing but the order of sums.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from mixlib.data.shards import own_shards

Total = Callable[[Tensor], Tensor]


class Shards:
    """A process's shards, and the statistics that a model keeps over all of them.

    Args:
        model: its buffers are averaged; integers (counters) are rounded.
        shards: of the recipe.
        rank, world: this process and their number.
        total: the sum of a tensor over all processes.

    Raises:
        ValueError: the processes cannot share the shards evenly.

    Example:
        >>> norm = nn.BatchNorm1d(1, momentum=1.0)
        >>> shards = Shards(norm, 2, rank=0, world=1)
        >>> shards.begin()
        >>> for shard, value in zip(shards.own, (1.0, 3.0)):
        ...     with shards.part():
        ...         _ = norm(torch.full((4, 1), value))
        >>> shards.end({})
        {}
        >>> float(norm.running_mean), int(norm.num_batches_tracked)
        (2.0, 1)
    """

    def __init__(
        self,
        model: nn.Module,
        shards: int,
        rank: int,
        world: int,
        total: Total = lambda tensor: tensor,
    ) -> None:
        self.count, self.own, self.total = shards, own_shards(rank, world, shards), total
        self.world = world
        self._buffers = list(model.buffers()) if shards > 1 else []
        self._before: list[Tensor] = []
        self._sums: list[Tensor] = []

    def begin(self) -> None:
        """Starts a step: keeps the statistics that every shard begins with."""
        self._before = [b.clone() for b in self._buffers]
        self._sums = []

    @contextmanager
    def part(self) -> Iterator[None]:
        """One shard: inside, buffers are as at the step's beginning."""
        if self._sums:
            for buffer, before in zip(self._buffers, self._before, strict=True):
                buffer.copy_(before)
        yield
        now = [b.to(torch.float64, copy=True) for b in self._buffers]
        self._sums = [a + b for a, b in zip(self._sums, now, strict=True)] if self._sums else now

    def end(self, terms: dict[str, Tensor]) -> dict[str, Tensor]:
        """Ends a step: averages statistics over all shards, in one exchange with the terms.

        Args:
            terms: sums over this process's shards; the same names in every process.

        Returns:
            Their means over all shards, float64.
        """
        names = sorted(terms) if self.world > 1 else list(terms)
        values = [terms[name].double().reshape(1) for name in names]
        sums = [s.reshape(-1) for s in self._sums]
        if self.world > 1:
            whole = self.total(torch.cat([*sums, *values]))
            parts = whole.split([len(part) for part in (*sums, *values)])
            sums, values = list(parts[: len(sums)]), list(parts[len(sums) :])
        for buffer, value in zip(self._buffers, sums, strict=True):
            mean = (value / self.count).view_as(buffer)
            buffer.copy_(mean if buffer.is_floating_point() else mean.round())
        return {name: value[0] / self.count for name, value in zip(names, values, strict=True)}


def check_batch_norm(batch_norm: str, shards: int, world: int) -> bool:
    """Whether normalization layers must exchange their statistics (SyncBN).

    Raises:
        ValueError: the statistics of the whole batch are asked for, and this machine's processes
            cannot have them; says why.

    Example:
        >>> check_batch_norm("shard", 8, 1)
        False
    """
    if batch_norm == "shard" or shards == 1:
        return False
    if world < shards:
        raise ValueError(
            f"batch_norm global over {shards} shards needs {shards} processes, found {world}: one "
            "that does its shards one after the other has normalized the first before it has seen "
            "the others"
        )
    return True
