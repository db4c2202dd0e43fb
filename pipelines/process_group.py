"""A command in a process group of its own, ended as a whole: ``python -m pipelines.process_group
COMMAND ...``.

make passes a signal on to its direct child only, and Snakemake waits for its jobs: hours, for a
training.  Here SIGINT, SIGTERM and SIGHUP reach every process of the group as SIGTERM: trainings
end at their next step with a checkpoint, other commands say in one line what is kept, and whoever
takes longer than :data:`PATIENCE` is killed and goes on from the checkpoint before.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType

PATIENCE = 20.0
"""Seconds after which a process that is still there is killed."""


def run(command: Sequence[str]) -> int:
    """Runs a command to its end and returns its exit code, 128 + n after signal n."""
    child = subprocess.Popen(command, process_group=0)
    caught: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        caught.append(number)
        _signal_group(child.pid, signal.SIGTERM)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    while True:
        try:
            code = child.wait(timeout=PATIENCE if caught else None)
            break
        except subprocess.TimeoutExpired:
            _signal_group(child.pid, signal.SIGKILL)
    if caught:
        # whoever outlived the group's leader
        _signal_group(child.pid, signal.SIGKILL)
        return 128 + caught[0]
    return code if code >= 0 else 128 - code


def _signal_group(group: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, number)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
