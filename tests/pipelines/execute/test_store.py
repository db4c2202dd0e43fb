"""Results: whole or absent, and never another job's."""

from __future__ import annotations

import json
import math
import multiprocessing
import shutil
import time

import pytest

from pipelines.declare import scale, table
from pipelines.execute.outcome import Outcome
from pipelines.execute.store import BusyError, CorruptResult, Store
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


def test_a_waiting_process_says_for_whom(tmp_path, job, capfd):
    store, context = Store(tmp_path), multiprocessing.get_context("spawn")
    ready = context.Event()
    first = context.Process(target=hold, args=(store, job, ready, 2.0))
    first.start()
    assert ready.wait(60)
    with store.working(job):
        pass
    first.join()
    said = capfd.readouterr().err
    assert f"waiting: process {first.pid} on " in said
    assert job.describe() in said


def test_a_second_distributed_run_is_refused(tmp_path, job, monkeypatch):
    store, context = Store(tmp_path), multiprocessing.get_context("spawn")
    ready = context.Event()
    first = context.Process(target=hold, args=(store, job, ready, 60.0))
    first.start()
    assert ready.wait(60)
    monkeypatch.setenv("WORLD_SIZE", "2")
    words = f"process {first.pid} on .*already: wait"
    with pytest.raises(BusyError, match=words), store.working(job):
        raise AssertionError("two runs of one job")
    first.kill()
    first.join()
    with store.working(job):  # a killed process holds nothing
        assert not store.finished(job)


def test_a_measure_that_is_not_finite_is_a_result_that_says_so(tmp_path, job):
    store = Store(tmp_path)
    commit(store, job, float("nan"))
    assert math.isnan(store.read(job)["metrics"]["top1"])
    assert store.read(job)["diverged"] == "top1 not finite"
    assert "NaN" not in store.file(job).read_text()


def test_the_epoch_of_a_divergence_is_named(tmp_path, job):
    store = Store(tmp_path)
    rows = [{"epoch": 1.0, "test_loss": 2.0}, {"epoch": 2.0, "test_loss": math.inf}]
    with store.working(job) as folder:
        store.commit(job, folder, Outcome({"test_loss": math.inf}, rows, 1.0))
    assert store.read(job)["diverged"] == "epoch 2: test_loss not finite"
    assert store.read(job)["history"][1]["test_loss"] is None


def test_nothing_is_deleted_before_the_result_is_there(tmp_path, job):
    """A kept file is missing, or the disk is full: the checkpoint stays."""
    store = Store(tmp_path)
    with store.working(job) as folder:
        (folder / "checkpoint.pt").write_bytes(b"days of work")
        with pytest.raises(FileNotFoundError):
            store.commit(job, folder, Outcome({"top1": 1.0}, [], 1.0, keep=("weights.pt",)))
        assert (folder / "checkpoint.pt").read_bytes() == b"days of work"
        with pytest.raises(TypeError):
            store.commit(job, folder, Outcome({"top1": 1.0}, [], 1.0, more={"x": object()}))
        assert (folder / "checkpoint.pt").exists()


def test_a_commit_that_was_killed_is_completed(tmp_path, job, monkeypatch):
    store = Store(tmp_path)
    monkeypatch.setattr(Store, "publish", lambda self, job, folder: False)
    commit(store, job)
    assert not store.finished(job)
    monkeypatch.undo()
    with store.working(job) as folder:
        assert store.publish(job, folder)
    assert store.read(job)["metrics"] == {"top1": 50.0}
    assert {path.name for path in store.folder(job).iterdir()} == {"result.json", "weights.pt"}


def edit(store, job, change):
    body = json.loads(store.file(job).read_text())
    change(body)
    store.file(job).write_text(json.dumps(body))


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body["metrics"].update(top1=99.9),
        lambda body: body["metrics"].update(top1=float("nan")),
        lambda body: body.update(digest="0" * 16),
        lambda body: body.update(content="0" * 16),
        lambda body: body.pop("content"),
        lambda body: body.pop("metrics"),
        lambda body: body["files"].update({"weights.pt": "0" * 16}),
        lambda body: body["provenance"]["git"].update(commit="other"),
        lambda body: body.update(history=[{"epoch": 1}]),
    ],
)
def test_an_edited_result_is_refused_and_set_aside(tmp_path, job, change, capsys):
    store = Store(tmp_path)
    commit(store, job)
    edit(store, job, change)
    with pytest.raises(CorruptResult, match="run again"):
        store.read(job)
    assert not store.usable(job)
    assert not store.finished(job)
    assert "set aside" in capsys.readouterr().err
    assert (tmp_path / f"{job.digest}.broken-1" / "result.json").exists()


@pytest.mark.parametrize("text", ["", "[1]", "null", "3", '"x"', "{", '{"a": NaN}', "[" * 9999])
def test_what_is_no_result_is_refused(tmp_path, job, text):
    store = Store(tmp_path)
    commit(store, job)
    store.file(job).write_text(text)
    with pytest.raises(CorruptResult):
        store.read(job)


@pytest.mark.parametrize("damage", ["other", "truncated", "gone"])
def test_the_files_of_a_result_are_its_own(tmp_path, job, damage):
    store = Store(tmp_path)
    commit(store, job)
    path = store.kept_file(job, "weights.pt")
    assert path.read_bytes() == b"weights"
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(b"of another method" if damage == "other" else b"wei")
    with pytest.raises(CorruptResult, match=r"weights\.pt"):
        store.kept_file(job, "weights.pt")
    with pytest.raises(CorruptResult):
        store.verify(job)
    with pytest.raises(CorruptResult, match="found none"):
        store.kept_file(job, "checkpoint.pt")


def test_a_scheduler_that_deletes_its_outputs_deletes_no_result(tmp_path, job):
    store = Store(tmp_path)
    commit(store, job)
    store.match_markers([job])
    assert store.marker(job).exists()
    store.marker(job).unlink()
    assert store.usable(job)
    store.match_markers([job])
    assert store.marker(job).exists()
    # a result that a person deleted is not taken for finished
    shutil.rmtree(store.folder(job))
    store.match_markers([job])
    assert not store.marker(job).exists()


def test_a_second_result_does_not_replace_the_first_silently(tmp_path, job, capsys):
    store = Store(tmp_path)
    commit(store, job, 50.0)
    commit(store, job, 51.0)
    assert store.read(job)["metrics"] == {"top1": 51.0}
    assert "another result of the same job" in capsys.readouterr().err
