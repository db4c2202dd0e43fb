"""Checkpoints of a job: the last two, bound to the job; a broken one is set aside and named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from mixlib.training.checkpoint import Checkpoint

Aside = Callable[[Path, str], object]


class JobCheckpoint(Checkpoint):
    """The checkpoint of one job, and the one before it.

    Args:
        path: of the newer one; the older is beside it, "<name>.previous".
        job: the job's digest; a checkpoint of another job is set aside.
        set_aside: called with a broken file and the reason; moves it away and says so.
        seconds: least time between two writes.
        writer: whether this process writes (rank 0); the others only read.
        stop: whether the run shall end at its next step, with its state written.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "checkpoint.pt"
        >>> first = JobCheckpoint(path, "0123", lambda path, why: path.unlink(), seconds=0)
        >>> first.save({"step": 1})
        >>> first.load()
        {'step': 1}
    """

    def __init__(
        self,
        path: Path,
        job: str,
        set_aside: Aside,
        seconds: float = 60.0,
        writer: bool = True,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        super().__init__(path, seconds, writer, stop)
        self.job, self.set_aside = job, set_aside

    @property
    def previous(self) -> Path:
        """The older checkpoint."""
        return self.path.with_name(f"{self.path.name}.previous")

    def save(self, state: dict[str, Any]) -> None:
        """Writes a state, unless its sums are not finite: what is lost does not replace what is
        good."""
        sums = state.get("sums", {}).values()
        if not self.writer or not all(bool(torch.isfinite(value).all()) for value in sums):
            return
        if self.path.exists():
            self.path.replace(self.previous)
        super().save({"job": self.job, "state": state})

    def load(self) -> dict[str, Any] | None:
        """The last whole state of this job on the CPU; None: there is none, start at the
        beginning."""
        for path in (self.path, self.previous):
            body = read_or_set_aside(path, self.set_aside if self.writer else _leave)
            if body is None:
                continue
            if isinstance(body, dict) and body.get("job") == self.job and "state" in body:
                return dict(body["state"])
            if self.writer:
                self.set_aside(path, "the checkpoint of another job")
        return None


def read_or_set_aside(path: Path, set_aside: Aside) -> Any:
    """What a checkpoint file holds, on the CPU; None where there is none or it was broken."""
    if not path.exists():
        return None
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch's reader raises what it likes: pickle, zip, runtime, EOF
        reason = " ".join(str(error).split())[:120]
        set_aside(path, f"not a whole checkpoint ({type(error).__name__}: {reason})")
        return None


def _leave(path: Path, why: str) -> None:
    """Another process moves it away."""
