"""Checkpoints of a run: always whole, written at most every so many seconds.

A checkpoint is written beside its final name and moved there: a killed process leaves the one
before.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch


class Interrupted(Exception):
    """The run was asked to stop; its state is in the checkpoint."""


class Checkpoint:
    """A checkpoint file that is refreshed at most every ``seconds``.

    Args:
        path: where it lives; its folder must exist.
        seconds: least time between two writes; 0 writes every time it is asked.
        writer: whether this process writes (rank 0); the others only read.
        stop: whether the run shall end at its next step, with its state written.

    Example:
        >>> import tempfile
        >>> checkpoint = Checkpoint(Path(tempfile.mkdtemp()) / "last.pt", seconds=0)
        >>> checkpoint.load() is None, checkpoint.due()
        (True, True)
        >>> checkpoint.save({"step": 3})
        >>> checkpoint.load()
        {'step': 3}
    """

    def __init__(
        self,
        path: Path,
        seconds: float = 60.0,
        writer: bool = True,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.path = path
        self.seconds = seconds
        self.writer = writer
        self.stop = stop
        self._last = time.monotonic()

    def due(self) -> bool:
        """Whether enough time has passed since the last write, or the run shall stop."""
        return self.writer and (self.stop() or time.monotonic() - self._last >= self.seconds)

    def leave_if_asked(self) -> None:
        """Ends a run that has just written its state, if it was asked to stop.

        Raises:
            Interrupted: it was.
        """
        if self.writer and self.stop():
            raise Interrupted(f"asked to stop; goes on from {self.path}")

    def save(self, state: dict[str, Any]) -> None:
        """Writes ``state`` so that a reader sees the old file or the new one, nothing between."""
        if not self.writer:
            return
        save_atomically(state, self.path)
        self._last = time.monotonic()

    def load(self) -> dict[str, Any] | None:
        """The last state on the CPU, or None when there is none."""
        if not self.path.exists():
            return None
        return torch.load(self.path, map_location="cpu", weights_only=True)


def save_atomically(state: Any, path: Path) -> None:
    """``torch.save`` through a temporary neighbor, flushed to disk and renamed."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
