"""The processes that share a detector's training, one a GPU: any number that divides the shards.

With frozen normalization a process does its shards one after the other, as the GPUs of the protocol
do beside each other. Trained normalization (MoCo's protocol) sees the images of all shards, so
there a process does all its shards in one pass, and the layers exchange their statistics. Either
way the number of processes changes nothing but the order of sums.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, distributed, nn

from downstream.detection.settings import DetectSettings
from mixlib.data.shards import own_shards

Item = TypeVar("Item")


@dataclass(frozen=True)
class Processes:
    """This process among those of torch's default group.

    Args:
        rank, world: its number and how many there are.

    Example:
        >>> ALONE.passes(DetectSettings(batch=16, shards=8))[:2]
        [range(0, 1), range(1, 2)]
        >>> Processes(1, 2).passes(DetectSettings(batch=16, shards=8, norm="trainable"))
        [range(4, 8)]
    """

    rank: int = 0
    world: int = 1

    def passes(self, settings: DetectSettings) -> list[range]:
        """The shards of every forward pass that this process does in a step.

        Raises:
            ValueError: the processes cannot share the shards evenly; says which number can.
        """
        own = own_shards(self.rank, self.world, settings.shards)
        return [range(s, s + 1) for s in own] if settings.norm == "frozen" else [own]

    def average_gradients(self, model: nn.Module) -> None:
        """Means over all processes in the place of the gradients; in one exchange."""
        if self.world == 1:
            return
        # by whom a layer was reached differs (no object in a shard), what is exchanged must not
        trained = [p for p in model.parameters() if p.requires_grad]
        flat = torch.cat(
            [(torch.zeros_like(p) if p.grad is None else p.grad).reshape(-1) for p in trained]
        )
        distributed.all_reduce(flat)
        flat /= self.world
        for p, part in zip(trained, flat.split([p.numel() for p in trained]), strict=True):
            p.grad = part.view_as(p)

    def average(self, terms: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Means of scalars over all processes."""
        if self.world == 1:
            return dict(terms)
        names = sorted(terms)
        values = torch.stack([terms[name].detach() for name in names])
        distributed.all_reduce(values)
        return dict(zip(names, (values / self.world).unbind(), strict=True))

    def share(self, items: Sequence[Item]) -> Sequence[Item]:
        """This process's part of a list: every so manieth."""
        return items[self.rank :: self.world]

    def gather(self, own: list[Item]) -> list[Item]:
        """The list of which every process has done its :meth:`share`, in order, in all of them."""
        if self.world == 1:
            return own
        parts: list[list[Item]] = [[] for _ in range(self.world)]
        distributed.all_gather_object(parts, own)
        total = sum(map(len, parts))
        return [parts[i % self.world][i // self.world] for i in range(total)]


ALONE = Processes()


def places(shards: Iterable[int], settings: DetectSettings) -> list[int]:
    """Places in the batch of the images of some shards.

    Example:
        >>> places([1, 2], DetectSettings(batch=8, shards=4))
        [2, 3, 4, 5]
    """
    each = settings.batch // settings.shards
    return [place for s in shards for place in range(s * each, (s + 1) * each)]
