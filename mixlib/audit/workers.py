"""What a mixing function draws in the worker processes of a DataLoader, epoch after epoch."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, get_worker_info

from mixlib.audit.forms import Form, feed, image_array, unpack

BATCHES = 16
DISTINCT = 4


@dataclass(frozen=True)
class Streams:
    """Draws of every worker in two epochs.

    Attributes:
        drawn: [epochs, workers, batches, ...], images of the first batches of each.
        error: what was raised instead.
    """

    drawn: np.ndarray | None
    error: str = ""

    def telling(self) -> bool:
        """Whether enough different outputs were seen for equality to mean anything."""
        assert self.drawn is not None
        first = self.drawn[0, 0]
        return len({batch.tobytes() for batch in first}) >= DISTINCT

    def equal_workers(self) -> bool:
        """Whether two workers drew the same in an epoch, all batches alike."""
        assert self.drawn is not None
        first, second = self.drawn[:, 0], self.drawn[:, 1]
        return bool((first == second).all())

    def equal_epochs(self) -> bool:
        """Whether a worker drew the same in both epochs."""
        assert self.drawn is not None
        return bool((self.drawn[0] == self.drawn[1]).all())


@dataclass
class MixedInWorker:
    """A collate function that mixes the one-hot batch, whatever the samples."""

    call: Callable[..., Any]
    form: Form
    images: Tensor
    classes: int

    def __call__(self, samples: list[int]) -> tuple[int, Tensor]:
        worker = get_worker_info()
        assert worker is not None
        fed = feed(self.form, self.images, torch.arange(len(self.images)), self.classes, None)
        raw, _ = unpack(self.form, self.call(*fed.args), self.classes)
        # a copy: what a foreign function returns may be a view of anything
        return worker.id, torch.from_numpy(image_array(self.form, raw).copy())


def streams(
    call: Callable[..., Any], form: Form, images: Tensor, classes: int, workers: int
) -> Streams:
    """Runs a DataLoader with this many workers for two epochs.

    Args:
        call: under audit, mixing in the workers.
        form: of the call.
        images: the one-hot batch.
        classes: of a soft label.
        workers: processes.
    """
    methods = multiprocessing.get_all_start_methods()
    loader: DataLoader[Any] = DataLoader(
        list(range(workers * BATCHES)),  # type: ignore[arg-type]
        batch_size=1,
        num_workers=workers,
        collate_fn=MixedInWorker(call, form, images, classes),
        multiprocessing_context="fork" if "fork" in methods else None,
        timeout=60,
    )
    epochs = []
    try:
        for _ in range(2):
            by_worker: dict[int, list[np.ndarray]] = {n: [] for n in range(workers)}
            for worker, mixed in loader:
                by_worker[worker].append(mixed.numpy())
            epochs.append(np.stack([np.stack(by_worker[n]) for n in range(workers)]))
    except Exception as error:  # whatever a foreign function or its pickle raises
        return Streams(None, f"{type(error).__name__}: {str(error).splitlines()[0][:100]}")
    return Streams(np.stack(epochs))
