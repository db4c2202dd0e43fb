"""With what does a running job work?  A folder, the results of its parents, the data, and a way to
report progress."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.data import places
from pipelines.execute.store import Store
from pipelines.plan.job import Data, Job


class Progress:
    """Prints where a job stands: a line every few seconds, so that parallel jobs stay readable in
    one log.

    Args:
        label: what is running, at the start of every line.
        every: least seconds between two lines.
    """

    def __init__(self, label: str, every: float = 5.0) -> None:
        self.label, self.every = label, every
        self._began = self._last = time.monotonic()
        self._first: int | None = None

    def __call__(self, phase: str, done: int, total: int, values: dict[str, float]) -> None:
        """Reports ``done`` of ``total`` steps and some values."""
        now = time.monotonic()
        if self._first is None:
            self._first = done
        if now - self._last < self.every and done < total:
            return
        self._last = now
        speed = (done - self._first) / max(now - self._began, 1e-9)
        left = f"{(total - done) / speed:.0f} s left" if speed > 0 and done < total else "done"
        shown = "  ".join(f"{name} {value:.4g}" for name, value in values.items())
        print(
            f"[{self.label}] {phase} {done}/{total}  {shown}  {left}", file=sys.stderr, flush=True
        )


@dataclass(frozen=True)
class Context:
    """The place where one job runs.

    Attributes:
        folder: its working folder; files there survive a kill.
        store: results of other jobs.
        progress: called with (phase, done, total, values).
        checkpoint_seconds: least time between two checkpoints.
        options: how, not what: never part of a digest ("workers", "accelerator", "devices").
    """

    folder: Path
    store: Store
    progress: Progress
    checkpoint_seconds: float = 30.0
    options: dict[str, Any] = field(default_factory=dict)

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
        return self.state(parent, "weights.pt")

    def state(self, done: Job, name: str) -> dict[str, Any]:
        """The state dict that a finished job keeps under a name, on the CPU."""
        import torch

        self.store.read(done)
        return torch.load(self.store.folder(done) / name, map_location="cpu", weights_only=True)
