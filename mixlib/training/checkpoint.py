"""Checkpoints of a run: always whole, written at most every so many seconds; the last two, where
the run has a key.

A checkpoint is written beside its final name and moved there: a killed process leaves the one
before.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from mixlib.whole_files import aside, rename_broken

Aside = Callable[[Path, str], object]
LITTLE = 1 << 20  # bytes: a disk with less room is full


class StoppedAtCheckpoint(Exception):
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
            StoppedAtCheckpoint: it was.
        """
        if self.writer and self.stop():
            raise StoppedAtCheckpoint(f"asked to stop; goes on from {self.path}")

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


class KeptCheckpoint(Checkpoint):
    """The checkpoint of one run, and the one before it.

    A file that is broken, or belongs to another run, is set aside and named, and the run goes on
    from the one before or from its start.

    Args:
        path: of the newer one; the older is beside it, "<name>.previous".
        key: what identifies the run.
        set_aside: called with a broken file and the reason; moves it away and says so.
        seconds: least time between two writes.
        writer: whether this process writes (rank 0); the others only read.
        stop: whether the run shall end at its next step, with its state written.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "checkpoint.pt"
        >>> first = KeptCheckpoint(path, "0123", seconds=0)
        >>> first.save({"step": 1})
        >>> first.load(), KeptCheckpoint(path, "4567", seconds=0).load() is None
        ({'step': 1}, True)
    """

    def __init__(
        self,
        path: Path,
        key: str,
        set_aside: Aside | None = None,
        seconds: float = 60.0,
        writer: bool = True,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        super().__init__(path, seconds, writer, stop)
        self.key, self.set_aside = key, set_aside or rename_broken

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
        super().save({"job": self.key, "state": state})

    def load(self) -> dict[str, Any] | None:
        """The last whole state of this run on the CPU; None: there is none, start at the
        beginning."""
        for path in (self.path, self.previous):
            body = read_or_set_aside(path, self.set_aside if self.writer else _leave)
            if body is None:
                continue
            if isinstance(body, dict) and body.get("job") == self.key and "state" in body:
                return dict(body["state"])
            if self.writer:
                self.refuse(path)
        return None

    def refuse(self, path: Path) -> None:
        """What is done about another run's checkpoint: it is set aside."""
        self.set_aside(path, "the checkpoint of another job")

    def clear(self) -> None:
        """Removes both files: the run is done."""
        self.path.unlink(missing_ok=True)
        self.previous.unlink(missing_ok=True)


def read_or_set_aside(path: Path, set_aside: Aside) -> Any:
    """What a checkpoint file holds, on the CPU; None where there is none or it was broken.

    Raises:
        OSError, MemoryError: the file could not be read now, whatever it holds.
    """
    if not path.exists():
        return None
    try:
        # torch reads a changed tensor without a word
        with zipfile.ZipFile(path) as archive:
            if (member := archive.testzip()) is not None:
                raise ValueError(f"{member} has another checksum")
        return torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # torch's reader raises what it likes: pickle, zip, runtime, EOF
        # a cut file may lead to a place that is none
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise
        reason = " ".join(str(error).split())[:120]
        set_aside(path, f"not a whole checkpoint ({type(error).__name__}: {reason})")
        return None


def _leave(path: Path, why: str) -> None:
    """Another process moves it away."""


def save_atomically(state: Any, path: Path) -> None:
    """``torch.save`` beside the file, flushed to disk and renamed, see
    :func:`mixlib.whole_files.aside`.

    Raises:
        OSError: the disk is full, or the file could not be written.
    """
    with aside(path, durable=True) as part:
        try:
            # by its name, torch would write that into the bytes
            with part.open("wb") as file:
                torch.save(state, file)
        except RuntimeError as error:
            if "writing file" not in str(error) and "enforce fail" not in str(error):
                raise
            # torch's writer hides the system's reason behind one of its own
            reason = error.__context__
            full = shutil.disk_usage(path.parent).free < LITTLE
            code = errno.ENOSPC if full else errno.EIO
            if isinstance(reason, OSError) and reason.errno is not None:
                code = reason.errno
            raise OSError(code, os.strerror(code), str(path)) from error
