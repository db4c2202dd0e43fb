"""Results of a small plan, computed for the tests of what is rendered from them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipelines.data import datasets
from pipelines.data.fingerprints import specify
from pipelines.execute.perform import perform
from pipelines.execute.store import Store
from pipelines.plan.grid import Plan


@contextmanager
def computed(plan: Plan, folder: Path) -> Iterator[Store]:
    """Prepares the data and does every job in a folder, which is the current one inside."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for data in plan.data.values():
            row = datasets.DATASETS[data.name]
            datasets.prepare(row, specify(row, dict(data.spec)))
        store = Store()
        for job in plan.jobs.values():
            perform(job, store, checkpoint_seconds=1e9, accelerator="cpu")
        yield store
