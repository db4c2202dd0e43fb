"""Performing jobs: once, with divergence as a result, and broken results done again."""

from __future__ import annotations

import math

import pytest

from mixlib.training.checkpoint import StoppedAtCheckpoint
from pipelines.declare import scale, table
from pipelines.execute import perform as module
from pipelines.execute.outcome import Outcome
from pipelines.execute.perform import perform
from pipelines.execute.stop_at_checkpoint import AGAIN
from pipelines.execute.store import Store
from pipelines.plan import grid


@pytest.fixture
def jobs(declare):
    """A training and the fine-tuning that starts from it."""
    plan = grid.plan(table.load(declare()), scale.load("demo"))
    child = next(iter(plan.of_kind("detect").values()))
    return child.parent, child


@pytest.fixture
def calls(monkeypatch):
    """Replaces the work of both kinds; returns the kinds that were done."""
    done: list[str] = []
    answers = {"train": 50.0, "detect": 40.0}

    def run(job, context):
        done.append(job.kind)
        value = answers[job.kind]
        if value is None:
            raise FloatingPointError("epoch 3: the loss is not finite")
        (context.folder / "weights.pt").write_bytes(b"w")
        return Outcome(dict.fromkeys(job.metrics, value), [], 1.0, keep=("weights.pt",))

    monkeypatch.setattr(module, "executor", lambda kind: run)
    done_and_answers = done, answers
    return done_and_answers


def test_a_job_is_done_once_and_marked(tmp_path, jobs, calls):
    store = Store(tmp_path)
    assert perform(jobs[0], store)
    assert not perform(jobs[0], store)
    assert calls[0] == ["train"]
    assert store.marker(jobs[0]).exists()


def test_a_broken_result_is_done_again(tmp_path, jobs, calls):
    store = Store(tmp_path)
    perform(jobs[0], store)
    (store.folder(jobs[0]) / "weights.pt").write_bytes(b"of another method")
    assert perform(jobs[0], store)
    assert calls[0] == ["train", "train"]
    store.verify(jobs[0])


def test_divergence_is_a_result_and_its_children_inherit_it(tmp_path, jobs, calls):
    store, (parent, child) = Store(tmp_path), jobs
    calls[1]["train"] = None
    perform(parent, store)
    assert store.read(parent)["diverged"] == "epoch 3: the loss is not finite"
    assert math.isnan(store.read(parent)["metrics"]["top1"])
    perform(child, store)
    assert calls[0] == ["train"]
    assert store.read(child)["diverged"].endswith("epoch 3: the loss is not finite")
    assert not perform(parent, store)


def test_any_other_error_leaves_the_checkpoint(tmp_path, jobs, monkeypatch):
    def run(job, context):
        (context.folder / "checkpoint.pt").write_bytes(b"c")
        raise RuntimeError("out of memory")

    monkeypatch.setattr(module, "executor", lambda kind: run)
    store = Store(tmp_path)
    with pytest.raises(RuntimeError, match="out of memory"):
        perform(jobs[0], store)
    assert (tmp_path / f"{jobs[0].digest}.partial" / "checkpoint.pt").exists()
    assert not store.finished(jobs[0])


def test_an_interrupted_job_has_no_result_and_asks_to_be_started_again(
    tmp_path, jobs, calls, monkeypatch
):
    store = Store(tmp_path)

    def stopped(job, context):
        (context.folder / "checkpoint.pt").write_bytes(b"c")
        raise StoppedAtCheckpoint("asked to stop")

    with monkeypatch.context() as patch:
        patch.setattr(module, "executor", lambda kind: stopped)
        with pytest.raises(SystemExit) as ended:
            perform(jobs[0], store)
    assert ended.value.code == AGAIN == 75
    assert not store.finished(jobs[0])
    assert not store.marker(jobs[0]).exists()
    assert (tmp_path / f"{jobs[0].digest}.partial" / "checkpoint.pt").exists()
    assert perform(jobs[0], store)
