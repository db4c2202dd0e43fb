"""The store of results: ``results/<digest>/``, written whole or not at all, and never without their
job.

A result folder appears by one rename from ``<digest>.partial``, where a running job keeps its
checkpoint.  Nothing there is deleted before the result is written and read back.  Reading checks
that the job inside hashes to the folder's name and that nothing has changed since it was written: a
result cannot be mistaken for another's.  What is broken is set aside as ``<digest>.broken-<n>``.

The workflow engine is told of ``.done/<digest>`` only: it deletes its outputs as it sees fit, and a
result must survive that.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from mixlib.whole_files import rename_broken, write_whole
from pipelines.data.files import file_digest
from pipelines.execute.outcome import Outcome
from pipelines.execute.provenance import provenance
from pipelines.execute.result_file import (
    RESULT,
    CorruptResult,
    load,
    write_result,
)
from pipelines.plan.job import Job, plain

__all__ = ["RESULT", "BusyError", "CorruptResult", "Store", "load"]


class BusyError(OSError):
    """Another process does this job."""


@dataclass(frozen=True)
class Store:
    """The folder of all results.

    Example:
        >>> Store(Path("results")).jobs
        PosixPath('results/.jobs')
    """

    root: Path = Path("results")

    @property
    def jobs(self) -> Path:
        """Where planned jobs wait for their processes, see :mod:`pipelines.plan.job_file`."""
        return self.root / ".jobs"

    def folder(self, job: Job) -> Path:
        """Where the finished result is, or will be."""
        return self.root / job.digest

    def file(self, job: Job) -> Path:
        """The file whose presence says that a job is finished."""
        return self.folder(job) / RESULT

    def marker(self, job: Job) -> Path:
        """The workflow engine's output of a job; holds the digest of the result's content."""
        return self.root / ".done" / job.digest

    def log(self, job: Job) -> Path:
        """The job's own log; beside it, with the suffix .csv, a row for each of its epochs."""
        return self.root / ".logs" / f"{job.digest}.log"

    def finished(self, job: Job) -> bool:
        """Whether the result is there."""
        return self.file(job).exists()

    def read(self, job: Job) -> dict[str, Any]:
        """The finished result.

        Raises:
            FileNotFoundError: the job has not finished.
            CorruptResult: the file is damaged, edited or another job's result.
        """
        path = self.file(job)
        if not path.exists():
            raise FileNotFoundError(f"{path} is missing: this job has not run: {job.describe()}")
        return load(path, job.digest, signed=True)

    def kept_file(self, job: Job, name: str) -> Path:
        """A file that belongs to a finished result.

        Raises:
            CorruptResult: it is missing, or not what the job wrote.
        """
        path, known = self.folder(job) / name, self.read(job).get("files", {})
        if name not in known or not path.is_file():
            raise CorruptResult(
                f"{path}: expected a file of the result of {job.describe()}, found none; delete "
                f"{self.folder(job)} and run again"
            )
        status = path.stat()
        found = _digest_once(path, status.st_mtime_ns, status.st_size)
        if found != known[name]:
            raise CorruptResult(
                f"{path}: expected the content {known[name]}, found {found}: it was changed after "
                f"it was written; delete {self.folder(job)} and run again"
            )
        return path

    def verify(self, job: Job) -> None:
        """Reads a finished result and every file of it; raises CorruptResult as these do."""
        for name in self.read(job).get("files", {}):
            self.kept_file(job, name)

    @contextmanager
    def working(self, job: Job, leads: bool = True) -> Iterator[Path]:
        """The job's working folder, held by this process alone.

        Another process that wants the same job (an orphan of a killed run, say) waits here until
        this one is done.  Of the processes of one distributed run only the leader takes the lock;
        a second distributed run is refused, since its other processes would time out meanwhile.

        Raises:
            BusyError: another process holds the job, and this run is distributed.
        """
        folder = self.root / f"{job.digest}.partial"
        if not leads:
            yield folder
            return
        shared = int(os.environ.get("WORLD_SIZE", "1")) > 1
        with self.lock(job.digest, f"does {job.describe()}", wait=not shared):
            folder.mkdir(exist_ok=True)
            yield folder
            if folder.exists() and not any(folder.iterdir()):
                folder.rmdir()

    @contextmanager
    def lock(self, name: str, what: str = "", wait: bool = True) -> Iterator[None]:
        """Held by one process at a time.  A killed process holds nothing.

        Args:
            name: of the lock.
            what: the holder's work, for whoever waits.
            wait: another one waits, and says so; False: it is refused.

        Raises:
            BusyError: another process holds it, and nobody should wait.
        """
        locks = self.root / ".locks"
        locks.mkdir(parents=True, exist_ok=True)
        with (locks / name).open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                holder = lock.read().strip() or "another process"
                if not wait:
                    raise BusyError(
                        f"{holder} {what or f'holds {name}'} already: wait until it ends, or end "
                        "it; a second run of one job would only hang"
                    ) from None
                if what:
                    print(f"waiting: {holder} {what}", file=sys.stderr, flush=True)
                fcntl.flock(lock, fcntl.LOCK_EX)
            lock.seek(0)
            lock.truncate()
            lock.write(f"process {os.getpid()} on {socket.gethostname()}")
            lock.flush()
            yield

    def commit(
        self,
        job: Job,
        folder: Path,
        outcome: Outcome,
        origin: Mapping[str, Any] | None = None,
    ) -> None:
        """Makes a working folder the finished result; files that the outcome does not keep go.

        The result is written and read back before anything is deleted.

        Args:
            job: what was done.
            folder: its working folder.
            outcome: what it measured.
            origin: where it comes from (:mod:`pipelines.execute.provenance`); None: this process.

        Raises:
            FileNotFoundError: a file that the outcome keeps is not there.
        """
        write_result(
            folder / RESULT,
            {
                "digest": job.digest,
                "job": plain(job),
                "metrics": dict(outcome.metrics),
                "seconds": outcome.seconds,
                **outcome.more,
                "history": outcome.history,
                "diverged": outcome.divergence(),
                "files": {name: file_digest(folder / name) for name in outcome.keep},
                "provenance": dict(origin or provenance()),
            },
        )
        self.publish(job, folder)

    def publish(self, job: Job, folder: Path) -> bool:
        """Renames a working folder that holds the job's whole result into its place.

        Also completes the commit of a process that was killed in the middle of it.

        Returns:
            Whether the folder held one.
        """
        try:
            body = load(folder / RESULT, job.digest, signed=True)
        except FileNotFoundError:
            return False
        except CorruptResult as error:
            self.set_aside(folder / RESULT, str(error))
            return False
        keep = {RESULT, *body.get("files", {})}
        for path in folder.iterdir():
            if path.name not in keep:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        final = self.folder(job)
        if (final / RESULT).exists():
            self.set_aside(final, "another result of the same job is there")
        elif final.exists():
            # an empty folder that a workflow engine made, or the rest of a deleted result
            shutil.rmtree(final)
        folder.rename(final)
        return True

    def usable(self, job: Job) -> bool:
        """Whether the result is there and whole; one that is not is set aside, with a message."""
        if not self.finished(job):
            return False
        try:
            self.verify(job)
        except CorruptResult as error:
            self.set_aside(self.folder(job), str(error))
            return False
        return True

    def set_aside(self, path: Path, why: str) -> Path:
        """Renames a broken file or folder to ``<name>.broken-<n>`` and says so."""
        return rename_broken(path, why)

    def mark(self, job: Job) -> None:
        """Tells the workflow engine that a job is finished."""
        digest = file_digest(self.file(job))
        write_whole(self.marker(job), f"{digest}\n", durable=False)

    def match_markers(self, jobs: Iterable[Job]) -> None:
        """Makes markers say which results are there, whoever wrote or deleted either."""
        for job in jobs:
            marked, there = self.marker(job).exists(), self.finished(job)
            if marked and not there:
                self.marker(job).unlink(missing_ok=True)
            elif there and not marked:
                self.mark(job)


@lru_cache(maxsize=4096)
def _digest_once(path: Path, changed: int, size: int) -> str:
    """A file's digest, computed once for every change of the file."""
    return file_digest(path)
