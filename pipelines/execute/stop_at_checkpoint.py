"""Interruption of a job: a scheduler's SIGTERM or SIGUSR1 ends it at its next step, with a
checkpoint, and with an exit code for which it is started again."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from mixlib.training.checkpoint import KeptCheckpoint
from pipelines.execute.context import Context
from pipelines.plan.job import Job

AGAIN = os.EX_TEMPFAIL
"""Exit code 75: not done, start me again."""
SIGNALS = (signal.SIGTERM, signal.SIGUSR1)


@contextmanager
def asked_to_stop() -> Iterator[Callable[[], bool]]:
    """Inside, a signal is remembered and no longer ends the process; gives the question for it.

    In a distributed run the leader answers it, and the launcher ends the others.

    Example:
        >>> with asked_to_stop() as stop:
        ...     before = stop()
        ...     signal.raise_signal(signal.SIGUSR1)
        ...     before, stop()
        (False, True)
    """
    received: list[int] = []

    def remember(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        name = signal.Signals(number).name
        print(f"{name}: checkpoint at the next step, then stop", file=sys.stderr, flush=True)

    before = {number: signal.signal(number, remember) for number in SIGNALS}
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def kept_checkpoint(job: Job, context: Context, writer: bool = True) -> Iterator[KeptCheckpoint]:
    """The checkpoint in a job's working folder; inside, a signal makes it the last one.

    Args:
        job, context: what is done, and where.
        writer: whether this process writes it.
    """
    with asked_to_stop() as stop:
        yield KeptCheckpoint(
            context.folder / "checkpoint.pt",
            job.digest,
            context.store.set_aside,
            context.checkpoint_seconds,
            writer,
            stop,
        )
