"""Processes of rehearsed jobs: the command that a scheduler would run, its time and memory, and a
stop in the middle."""

from __future__ import annotations

import multiprocessing
import os
import resource
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Event

from pipelines.command_line import run_app
from pipelines.execute import __main__ as command
from pipelines.execute.store import Store
from pipelines.plan import job_file
from pipelines.plan.job import Job
from pipelines.plan.kinds import KINDS
from pipelines.start import start_command

AGAIN = os.EX_TEMPFAIL
"""Exit code of a job that was stopped at its checkpoint."""
ENDED = 128 + signal.SIGTERM
"""Exit code of a job that has no checkpoint and was ended."""
POLL = 0.005
CPU = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["timm", *(f"pipelines.execute.{kind}" for kind in KINDS)])


@dataclass(frozen=True)
class Told:
    """What the processes of all jobs are told beside their job.

    Attributes:
        environment: variables, beside this process's.
        own: folder of declarations of one's own.
        plugins: files with methods of one's own.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    own: Path | None = None
    plugins: tuple[Path, ...] = ()

    @property
    def words(self) -> list[str]:
        """The options of a job's command."""
        folder = [] if self.own is None else ["--tables", str(self.own)]
        return [*folder, *(word for path in self.plugins for word in ("--plugin", str(path)))]


@dataclass(frozen=True)
class Ended:
    """A process that has ended.

    Attributes:
        code: its exit code.
        seconds: it took.
        work: seconds of a core that it took, whatever else the machine did.
        peak: most memory that it held, bytes.
        output: what it printed.
    """

    code: int
    seconds: float
    work: float
    peak: int
    output: str


def run(job: Job, store: Store, told: Told, stop: signal.Signals | None = None) -> Ended:
    """Does a job by its start command, on a CPU.

    Args:
        job: planned; its parents' results are in the store.
        store: where its result goes.
        told: what its process is told beside.
        stop: a signal that is sent once the job can be stopped; None: it runs to its end.
    """
    command = start_command(job_file.write(job, store.jobs), job.shards, gpus=0, cores=1)
    words = [*shlex.split(command), "--results", str(store.root), *told.words]
    output, began = output_file(job, store), time.monotonic()
    with output.open("w") as file:
        process = subprocess.Popen(
            words,
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, **CPU, **told.environment},
        )
        with running(process.pid):
            if stop is not None:
                _send(process, job, store.log(job), stop)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - began
    return Ended(process.returncode, seconds, *spent(usage), printed(output))


def run_forked(job: Job, store: Store, told: Told) -> Ended:
    """Does a job as :func:`run`, in a process that has loaded the libraries beforehand: loading
    takes longer than most rehearsed jobs."""
    output, began = output_file(job, store), time.monotonic()
    path = job_file.write(job, store.jobs)
    receive, send = SERVER.Pipe(duplex=False)
    process = SERVER.Process(target=_work, args=(path, store.root, output, told, Path.cwd(), send))
    process.start()
    send.close()
    assert process.pid is not None
    with running(process.pid):
        try:
            work, peak = receive.recv()
        except EOFError:  # killed
            work, peak = 0.0, 0
        process.join()
    code = 1 if process.exitcode is None else process.exitcode
    return Ended(code, time.monotonic() - began, work, peak, printed(output))


def spent(usage: resource.struct_rusage) -> tuple[float, int]:
    """Seconds of a core and the most bytes that a process took."""
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


_RUNNING: set[int] = set()
_ENDING = Event()


@contextmanager
def running(pid: int) -> Iterator[None]:
    """Inside, the process is one of those that :func:`end_all` ends; at once, where it was called
    before."""
    _RUNNING.add(pid)
    if _ENDING.is_set():
        end_all()
    try:
        yield
    finally:
        _RUNNING.discard(pid)


def end_all() -> None:
    """Ends the processes of all jobs that run, and of those that a running attempt still starts."""
    _ENDING.set()
    for pid in tuple(_RUNNING):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


def _work(
    path: Path, results: Path, output: Path, told: Told, place: Path, answer: Connection
) -> None:
    """What a forked process does: the job's command, its output in a file; tells its memory."""
    os.environ.update({**CPU, **told.environment})
    os.chdir(place)  # the server may have been started elsewhere
    with output.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    try:
        run_app(lambda: command.main(path, told.own, list(told.plugins), results))
    except SystemExit as end:
        # text is the message of an expected failure
        code = end.code if isinstance(end.code, int) else 1
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        raise SystemExit(code) from None
    finally:
        answer.send(spent(resource.getrusage(resource.RUSAGE_SELF)))


def output_file(job: Job, store: Store) -> Path:
    """Where a job's process prints to."""
    path = store.root / ".output" / f"{job.digest}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def printed(output: Path) -> str:
    """What a process has printed."""
    return output.read_text(errors="replace")


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
