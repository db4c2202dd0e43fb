"""Interruption of a job: a scheduler's SIGTERM or SIGUSR1 ends it at its next step, with a
checkpoint, and with an exit code for which it is started again."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

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
