"""Results: whole or absent, and never another job's."""

from __future__ import annotations

import json
import multiprocessing
import time

import pytest

from pipelines.declare import scale, table
from pipelines.execute.outcome import Outcome
from pipelines.execute.store import CorruptResult, Store
from pipelines.plan import grid


@pytest.fixture
def job(declare):
    plan = grid.plan(table.load(declare()), scale.load("demo"))
    return next(iter(plan.of_kind("train").values()))


def commit(store, job, value=50.0):
    with store.working(job) as folder:
        (folder / "weights.pt").write_bytes(b"weights")
        (folder / "checkpoint.pt").write_bytes(b"gone afterwards")
        store.commit(job, folder, Outcome({"top1": value}, [], 1.0, keep=("weights.pt",)))


def test_a_result_keeps_what_it_names_and_drops_the_rest(tmp_path, job):
    store = Store(tmp_path)
    assert not store.finished(job)
    commit(store, job)
    assert store.finished(job)
    assert {path.name for path in store.folder(job).iterdir()} == {"result.json", "weights.pt"}
    result = store.read(job)
    assert result["metrics"] == {"top1": 50.0}
    assert result["provenance"]["versions"]["torch"]
    assert not (tmp_path / f"{job.digest}.partial").exists()


def test_a_folder_that_a_workflow_engine_made_is_replaced(tmp_path, job):
    store = Store(tmp_path)
    store.folder(job).mkdir(parents=True)
    commit(store, job)
    assert store.finished(job)


def test_a_result_of_another_job_is_refused(tmp_path, job):
    store, other = Store(tmp_path), job.replace(seed=99)
    commit(store, job)
    store.folder(job).rename(store.folder(other))
    with pytest.raises(CorruptResult, match="has digest"):
        store.read(other)


def test_a_changed_job_inside_is_noticed(tmp_path, job):
    store = Store(tmp_path)
    commit(store, job)
    body = json.loads(store.file(job).read_text())
    body["job"]["seed"] = 5
    store.file(job).write_text(json.dumps(body))
    with pytest.raises(CorruptResult, match="delete it and run again"):
        store.read(job)


def test_a_torn_file_is_noticed(tmp_path, job):
    store = Store(tmp_path)
    commit(store, job)
    store.file(job).write_text(store.file(job).read_text()[:40])
    with pytest.raises(CorruptResult, match="not valid JSON"):
        store.read(job)


def hold(store, job, ready, seconds):
    with store.working(job) as folder:
        ready.set()
        time.sleep(seconds)
        store.commit(job, folder, Outcome({"top1": 1.0}, [], 1.0))


def test_a_second_process_waits_for_the_first(tmp_path, job):
    store, context = Store(tmp_path), multiprocessing.get_context("spawn")
    ready = context.Event()
    first = context.Process(target=hold, args=(store, job, ready, 1.0))
    first.start()
    assert ready.wait(60)
    with store.working(job):
        assert store.finished(job)
    first.join()


def test_a_measure_that_is_not_finite_is_not_stored(tmp_path, job):
    store = Store(tmp_path)
    with pytest.raises(ValueError, match="Out of range"):
        commit(store, job, float("nan"))
    assert not store.finished(job)
