"""Results of the tables that show numbers only."""

from __future__ import annotations

import pytest

from pipelines.declare import scale, table
from pipelines.execute.outcome import Outcome
from pipelines.execute.store import Store
from pipelines.plan import grid

NUMBERS = ("table10", "table11", "fig1", "fig9", "fig10", *(f"msda_table{i}" for i in (1, 2, 3)))


@pytest.fixture(scope="session")
def invented(tmp_path_factory):
    """Plan and results of the tables that show numbers only; a job's number is its place."""
    tables = table.load_all()
    plan = grid.plan({name: tables[name] for name in NUMBERS}, scale.load("demo"))
    store = Store(tmp_path_factory.mktemp("invented"))
    for i, job in enumerate(plan.jobs.values()):
        with store.working(job) as folder:
            metrics = {"top1": 40.0 + i, "parameters": 0.1 + i, "step_ms": 50.0 + i}
            store.commit(job, folder, Outcome(metrics, [], 1.0))
    return plan, store
