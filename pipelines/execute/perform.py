"""Performing a job: from its working folder to its stored result, once."""

from __future__ import annotations

import os
import time

from mixlib.training.checkpoint import StoppedAtCheckpoint
from pipelines.execute.context import Context
from pipelines.execute.executors import executor
from pipelines.execute.outcome import Outcome, diverged
from pipelines.execute.progress import Progress
from pipelines.execute.provenance import Origin
from pipelines.execute.stop_at_checkpoint import AGAIN
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

    Raises:
        SystemExit: a signal asked the job to stop; it goes on when it is started again.
    """
    leads = os.environ.get("RANK", "0") == "0"
    with store.working(job, leads) as folder:
        if store.usable(job) if leads else store.finished(job):
            if leads:
                store.mark(job)
            return False
        if leads and store.publish(job, folder):
            store.mark(job)
            return True
        name = f"{job.kind} {job.digest[:6]}"
        progress = Progress(name, log=store.log(job) if leads else None)
        if leads:
            progress.say(job.describe())
        context = Context(folder, store, progress, checkpoint_seconds, workers, accelerator)
        executor(job.kind)  # its modules are part of what the work begins with
        origin = Origin.now()
        try:
            outcome = attempt(job, context)
        except StoppedAtCheckpoint as error:
            progress.say(str(error))
            raise SystemExit(AGAIN) from None
        except Exception as error:
            progress.say(f"failed: {type(error).__name__}: {error}")
            raise
        if leads:
            store.commit(job, folder, outcome, origin.body())
            store.mark(job)
    return True


def attempt(job: Job, context: Context) -> Outcome:
    """What a job measured; numbers that are not finite are an outcome, and so are a parent's."""
    for parent in job.parents():
        reason = context.store.read(parent).get("diverged")
        if reason is not None:
            return diverged(job.metrics, f"parent {parent.digest}: {reason}", 0.0)
    began = time.monotonic()
    try:
        return executor(job.kind)(job, context)
    except FloatingPointError as error:
        return diverged(job.metrics, str(error), time.monotonic() - began)
