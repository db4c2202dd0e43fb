"""Performing a job in a process that has not loaded torch yet: its settings first, then torch."""

from __future__ import annotations

from pipelines.execute.store import Store
from pipelines.plan.job import Job
from pipelines.portable_bits import pin


def load_and_perform(
    job: Job,
    store: Store,
    *,
    portable: bool,
    checkpoint_seconds: float,
    workers: int,
    accelerator: str,
) -> bool:
    """As :func:`pipelines.execute.perform.perform`, with the same bits on every x86 processor where
    the job is to be ``portable`` (:mod:`pipelines.portable_bits`)."""
    if portable:
        pin()
    # torch takes seconds to load, and reads its settings when it is loaded
    from pipelines.execute.perform import perform

    return perform(
        job,
        store,
        checkpoint_seconds=checkpoint_seconds,
        workers=workers,
        accelerator=accelerator,
    )
