"""The store of results: ``results/<digest>/``, written whole or not at all, and never without their
job.

A result folder appears by one rename from ``<digest>.partial``, where a running job keeps its
checkpoint.  Reading checks that the job inside hashes to the folder's name: a result cannot be
mistaken for another's.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.execute.outcome import Outcome
from pipelines.execute.provenance import provenance
from pipelines.plan.job import Job, plain

RESULT = "result.json"


class CorruptResult(RuntimeError):
    """A result folder does not hold what its name promises."""


@dataclass(frozen=True)
class Store:
    """The folder of all results."""

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

    def finished(self, job: Job) -> bool:
        """Whether the result is there."""
        return self.file(job).exists()

    def read(self, job: Job) -> dict[str, Any]:
        """The finished result.

        Raises:
            FileNotFoundError: the job has not finished.
            CorruptResult: the file is damaged or holds another job's result.
        """
        path = self.file(job)
        if not path.exists():
            raise FileNotFoundError(f"{path} is missing: this job has not run: {job.describe()}")
        return load(path, job.digest)

    @contextmanager
    def working(self, job: Job, leads: bool = True) -> Iterator[Path]:
        """The job's working folder, held by this process alone.

        Another process that wants the same job (an orphan of a killed run, say) waits here until
        this one is done.  Of the processes of one distributed run only the leader takes the lock.
        """
        folder = self.root / f"{job.digest}.partial"
        if not leads:
            yield folder
            return
        locks = self.root / ".locks"
        locks.mkdir(parents=True, exist_ok=True)
        with (locks / job.digest).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            folder.mkdir(exist_ok=True)
            yield folder
            if folder.exists() and not any(folder.iterdir()):
                folder.rmdir()

    def commit(self, job: Job, folder: Path, outcome: Outcome) -> None:
        """Makes a working folder the finished result; files that the outcome does not keep go."""
        for path in folder.iterdir():
            if path.name not in outcome.keep:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        body = {
            "digest": job.digest,
            "job": plain(job),
            "metrics": dict(outcome.metrics),
            "seconds": outcome.seconds,
            **outcome.more,
            "history": outcome.history,
            "provenance": provenance(),
        }
        with (folder / RESULT).open("w") as file:
            json.dump(body, file, indent=1, allow_nan=False)
            file.flush()
            os.fsync(file.fileno())
        final = self.folder(job)
        if final.exists():
            # an empty folder that a workflow engine made, or the rest of a deleted result
            shutil.rmtree(final)
        folder.rename(final)


def load(path: Path, digest: str) -> dict[str, Any]:
    """A result file whose job has the digest.

    Raises:
        CorruptResult: the file is damaged or holds another job's result.
    """
    try:
        result = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise CorruptResult(f"{path}: not valid JSON ({error}); delete it and run again") from None
    text = json.dumps(result.get("job"), sort_keys=True, separators=(",", ":"))
    found = hashlib.sha256(text.encode()).hexdigest()[:16]
    if found != digest:
        raise CorruptResult(
            f"{path}: the job inside has digest {found}, its name says {digest}; "
            "delete it and run again"
        )
    return result
