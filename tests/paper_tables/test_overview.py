"""What is there of a table: nothing, some runs, all of them, its products."""

from __future__ import annotations

import pytest

from paper_tables.overview import collect
from paper_tables.render import products, render
from pipelines.declare import scale, table
from pipelines.execute.outcome import Outcome
from pipelines.execute.store import Store
from pipelines.plan import grid


@pytest.fixture
def plan():
    return grid.plan({"table9": table.load_all()["table9"]}, scale.load("demo"))


def finish(store, job):
    with store.working(job) as folder:
        store.commit(job, folder, Outcome({"top1": 50.0}, [], 1.0))


def test_a_table_on_its_way(plan, tmp_path):
    store, jobs = Store(tmp_path / "results"), plan.needed("table9")

    def entry():
        (found,) = collect(plan, store, tmp_path)
        return found

    assert entry().status == "not run"
    assert entry().paper == "AutoMix (Liu et al., ECCV 2022)"
    finish(store, jobs[0])
    assert entry().status == f"1 of {len(jobs)} runs"
    for job in jobs[1:]:
        finish(store, job)
    assert entry().status == "measured, not rendered"
    assert entry().sheet is None
    render(plan, "table9", store, tmp_path)
    assert entry().status == "done"
    assert [line.label for line in entry().sheet.lines] == [
        row.label for row in plan.tables["table9"].rows
    ]
    assert [path.name for path in entry().pictures] == ["figure.png"]
    # products of other cells than these
    products(plan, "table9", tmp_path)[-1].rename(tmp_path / "table9" / "cells-0.json")
    assert entry().status == "measured, not rendered"


def test_runs_of_the_repository_are_shown_whatever_the_scale(tmp_path, monkeypatch):
    monkeypatch.delenv("MIX_DATA", raising=False)
    plan = grid.plan({"table13": table.load_all()["table13"]}, scale.load("demo"))
    (entry,) = collect(plan, Store(tmp_path / "results"), tmp_path)
    assert entry.status == "not run"
    assert [part.scale for part in entry.comparisons] == ["small"]
