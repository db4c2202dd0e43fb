"""Performing a job: from its working folder to its stored result, once."""

from __future__ import annotations

import os
import sys

from pipelines.execute.context import Context
from pipelines.execute.executors import EXECUTORS
from pipelines.execute.progress import Progress
from pipelines.execute.store import Store
from pipelines.plan.job import Job


def perform(
    job: Job,
    store: Store,
    *,
    checkpoint_seconds: float = 30.0,
    workers: int = 0,
    accelerator: str = "auto",
) -> bool:
    """Does a job unless its result is there; returns whether there was anything to do.

    Args:
        job: what to do.
        store: where its result goes and its parents' results are.
        checkpoint_seconds, workers, accelerator: see :class:`pipelines.execute.context.Context`.
    """
    leads = os.environ.get("RANK", "0") == "0"
    with store.working(job, leads) as folder:
        if store.finished(job):
            return False
        name = f"{job.kind} {job.digest[:6]}"
        if leads:
            print(f"[{name}] {job.describe()}", file=sys.stderr, flush=True)
        context = Context(folder, store, Progress(name), checkpoint_seconds, workers, accelerator)
        outcome = EXECUTORS[job.kind](job, context)
        if leads:
            store.commit(job, folder, outcome)
    return True
