"""Processes of rehearsed jobs: the command that a scheduler would run, its time and memory, and a
stop in the middle."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipelines.execute.store import Store
from pipelines.plan import job_file
from pipelines.plan.job import Job
from pipelines.start import start_command

AGAIN = os.EX_TEMPFAIL
"""Exit code of a job that was stopped at its checkpoint."""
ENDED = 128 + signal.SIGTERM
"""Exit code of a job that has no checkpoint and was ended."""
POLL = 0.005


@dataclass(frozen=True)
class Ended:
    """A process that has ended.

    Attributes:
        code: its exit code.
        seconds: it took.
        peak: most memory that it held, bytes.
        output: what it printed.
    """

    code: int
    seconds: float
    peak: int
    output: str


def run(
    job: Job, store: Store, environment: Mapping[str, str], stop: signal.Signals | None = None
) -> Ended:
    """Does a job by its start command, on a CPU.

    Args:
        job: planned; its parents' results are in the store.
        store: where its result goes.
        environment: of the process, beside this one's.
        stop: a signal that is sent once the job can be stopped; None: it runs to its end.
    """
    command = start_command(job_file.write(job, store.jobs), job.shards, gpus=0, cores=1)
    words = [*shlex.split(command), "--results", str(store.root)]
    output = store.root / ".output" / f"{job.digest}.txt"
    output.parent.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with output.open("w") as file:
        process = subprocess.Popen(
            words,
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", **environment},
        )
        try:
            if stop is not None:
                _send(process, job, store.log(job), stop)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        except BaseException:
            process.terminate()
            process.wait()
            raise
    return Ended(
        process.returncode,
        time.monotonic() - began,
        usage.ru_maxrss * 1024,
        output.read_text(errors="replace"),
    )


def _send(process: subprocess.Popen[bytes], job: Job, log: Path, number: signal.Signals) -> None:
    """Sends a signal as soon as the job listens for it; one without a checkpoint has begun then."""
    while alive(process.pid):
        if caught(process.pid, number) if job.checkpoints else log.is_file():
            process.send_signal(number)
            return
        time.sleep(POLL)


def alive(pid: int) -> bool:
    """Whether a child still runs; it is left for :func:`os.wait4`, which knows its memory."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None


def caught(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler for SIGUSR1, which a job sets with that for SIGTERM."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    mask = int(
        next(line for line in status.splitlines() if line.startswith("SigCgt")).split()[1], 16
    )
    both = (1 << (signal.SIGUSR1 - 1)) | (1 << (number - 1))
    return mask & both == both
