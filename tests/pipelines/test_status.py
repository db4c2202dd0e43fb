"""Where a run stands: done, running, failed, waiting."""

from __future__ import annotations

import pytest

from pipelines.declare import scale, table
from pipelines.execute.progress import Progress
from pipelines.execute.store import Store
from pipelines.plan import grid
from pipelines.status import standing, summary


@pytest.fixture
def jobs(declare):
    return grid.plan(table.load(declare()), scale.load("demo")).jobs


def test_every_state_is_told_apart(jobs, tmp_path):
    store = Store(tmp_path)
    done, running, failed, *_ = jobs.values()
    store.folder(done).mkdir(parents=True)
    store.file(done).write_text("{}")
    Progress("train", every=0.0, log=store.log(failed)).say("failed: OSError: no space")
    Progress("train", every=0.0, log=store.log(running))("train", 3, 10, {"epoch": 1.0})
    with store.lock(running.digest):
        assert standing(running, store).state == "running"
        assert "train 3/10" in standing(running, store).lines[0]
        lines = summary(jobs, store)
    assert standing(done, store).state == "done"
    assert standing(failed, store).state == "failed"
    assert lines[0] == f"1 done, 1 running, 1 failed, {len(jobs) - 3} waiting"
    assert any("no space" in line for line in lines)
    # its process is gone and has left no result
    assert standing(running, store).state == "failed"
