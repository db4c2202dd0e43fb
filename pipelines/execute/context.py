"""The context of a running job: its folder, its parents' results, the data, progress and
devices."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from pipelines.data import places
from pipelines.execute.progress import Progress
from pipelines.execute.store import Store
from pipelines.plan.inputs import Data
from pipelines.plan.job import Job

WEIGHTS = "weights.pt"
"""The file of a finished training that holds its classifier's state dict."""


@dataclass(frozen=True)
class Context:
    """Where and how one job runs; nothing here is part of a digest.

    Attributes:
        folder: its working folder; files there survive a kill.
        store: results of other jobs.
        progress: called with (phase, done, total, values).
        checkpoint_seconds: least time between two checkpoints.
        workers: data loading processes.
        accelerator: "cpu", "cuda" or "auto".

    Example:
        >>> context = Context(Path("results/0123.partial"), Store(), Progress("demo"))
        >>> context.device(), context.accelerator  # doctest: +SKIP
        ('cpu', 'auto')
    """

    folder: Path
    store: Store
    progress: Progress
    checkpoint_seconds: float = 30.0
    workers: int = 0
    accelerator: str = "auto"

    def device(self) -> str:
        """The device of work that one process does alone."""
        wanted = self.accelerator in ("auto", "cuda")
        return "cuda" if wanted and torch.cuda.is_available() else "cpu"

    def data_folder(self, data: Data) -> Path:
        """Where a dataset lies on this machine.

        Raises:
            MissingDataError: it is not there; says what was looked for and how to get it.
        """
        return places.locate(data.fingerprint)

    def data_classes(self, data: Data) -> list[str]:
        """Names of a dataset's classes, in label order."""
        return list(places.manifest(data.fingerprint)["classes"])

    def weights(self, parent: Job) -> dict[str, Any]:
        """State dict of a parent's classifier, on the CPU."""
        return self.state(parent, WEIGHTS)

    def state(self, done: Job, name: str) -> dict[str, Any]:
        """The state dict that a finished job stores under a name, on the CPU."""
        path = self.store.kept_file(done, name)
        return torch.load(path, map_location="cpu", weights_only=True)
