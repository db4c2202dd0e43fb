"""The end of a run: which cells failed and why, marked tables, runs that learned nothing."""

from __future__ import annotations

import csv

import pytest

from paper_tables.report import holes, report
from paper_tables.writers.csv import escape
from pipelines.declare import scale, table
from pipelines.execute.outcome import Outcome
from pipelines.execute.store import Store
from pipelines.execute.train import at_chance
from pipelines.plan import grid


@pytest.fixture
def world(tmp_path):
    plan = grid.plan({"table9": table.load_all()["table9"]}, scale.load("demo"))
    return plan, Store(tmp_path / "results"), tmp_path


def finish(store: Store, job, top1: float = 50.0, **more) -> None:
    metrics = dict.fromkeys(job.metrics, top1)
    with store.working(job) as folder:
        store.commit(job, folder, Outcome(metrics, [], 1.0, more=more))


def test_failed_cells_are_named_and_marked(world):
    plan, store, folder = world
    jobs = plan.needed("table9")
    for job in jobs[:-1]:
        finish(store, job)
    store.log(jobs[-1]).parent.mkdir(parents=True, exist_ok=True)
    store.log(jobs[-1]).write_text("train it\n2026 failed: ValueError: no such thing\n")
    lines = report(plan, "table9", store, folder)
    text = "\n".join(lines)
    assert "failed: (+ lambda loss" in text
    assert "ValueError: no such thing" in text
    assert str(store.log(jobs[-1])) in text
    made = (folder / "table9" / "table.md").read_text()
    assert "| failed |" in made
    assert "50.0" in made
    assert "Incomplete: (+ lambda loss" in made
    rows = list(csv.DictReader((folder / "table9" / "table.csv").open()))
    whole = plan.tables["table9"].rows[:-1]
    assert {row["row"] for row in rows} == {escape(row.label) for row in whole}
    # the workflow makes it anew
    assert not list((folder / "table9").glob("cells-*.json"))
    finish(store, jobs[-1])
    assert holes(plan.cells["table9"], store) == []
    (line,) = report(plan, "table9", store, folder)
    assert line.endswith(f"{len(jobs)} of {len(jobs)} runs, 8 of 8 cells")


def test_nothing_is_written_where_nothing_failed(world):
    plan, store, folder = world
    lines = report(plan, "table9", store, folder)
    assert "not run: 8 more cells" in lines[-1]
    assert not (folder / "table9").exists()


def test_runs_that_learned_nothing_are_warned_of(world):
    plan, store, folder = world
    jobs = plan.needed("table9")
    finish(store, jobs[0], 20.0, warning="top-1 20.0 % is what guessing gives")
    finish(store, jobs[1], float("nan"))
    text = "\n".join(report(plan, "table9", store, folder))
    cell = plan.cells["table9"][0]
    where = f"({cell.row}, {cell.column})"
    assert f"Warning: no better than guessing: {where}: train resnet10_w16" in text
    assert "Warning: diverged: (" in text
    assert text.count(": train resnet10_w16") == 2


@pytest.mark.parametrize(
    ("top1", "images", "said"),
    [
        (20.0, 50, True),
        (36.9, 50, True),
        (37.1, 50, False),
        (22.0, 10_000, False),
        (float("nan"), 9, True),
    ],
)
def test_chance_is_three_standard_errors(top1, images, said):
    assert bool(at_chance({"top1": top1, "test_loss": 550.0}, images, 5)) is (said and top1 == top1)
