"""Ends of a command that are nobody's fault: Ctrl-C, SIGTERM, a full disk.

Each is one line on standard error that says what is kept and how to go on.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM", signal.SIGHUP: "SIGHUP"}
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
KEPT = (
    "finished results and checkpoints are kept (trainings write one a minute); the same command "
    "goes on from there"
)


class Interrupted(BaseException):
    """A signal that asks the process to end; no ``except Exception`` takes it for a failure.

    Args:
        number: of the signal.

    Example:
        >>> Interrupted(signal.SIGTERM).number
        <Signals.SIGTERM: 15>
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = signal.Signals(number)


@contextmanager
def one_line() -> Iterator[None]:
    """Ends the process with one line and the signal's usual code where it is interrupted, and with
    code 1 where a disk is full; files that are being written keep their former content."""
    owner, before = os.getpid(), {}

    def interrupt(number: int, frame: FrameType | None) -> None:
        if os.getpid() != owner:  # a child that inherited the handler ends as it would without
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        for other in SIGNALS:  # once: what is tidied up now is not interrupted again
            signal.signal(other, signal.SIG_IGN)
        raise Interrupted(number)

    for number in SIGNALS:
        # one that is ignored (nohup) stays so
        if signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, interrupt)
    try:
        yield
    except Interrupted as end:
        print(f"\nstopped by {SIGNALS[end.number]}: {KEPT}", file=sys.stderr, flush=True)
        sys.exit(128 + end.number)
    except OSError as error:
        if error.errno not in FULL:
            raise
        where = f" ({error.filename})" if error.filename else ""
        sys.exit(f"error: {os.strerror(error.errno)}{where}: make room; {KEPT}")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
