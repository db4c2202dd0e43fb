"""Measured runs: shown with their caveat while their cell exists, reported afterwards, clean."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import socket
from pathlib import Path

import pytest

from mixlib.data.catalog import DATASETS
from paper_tables import measured_runs
from paper_tables.kept_runs import faults
from pipelines.declare import scale, table
from pipelines.declare.errors import DeclarationError
from pipelines.execute.outcome import Outcome
from pipelines.execute.result_file import CorruptResult, load, write_result
from pipelines.execute.store import Store
from pipelines.plan import grid

KEPT = sorted(measured_runs.FOLDER.glob("*/*.json"))


@pytest.fixture(autouse=True)
def no_data(monkeypatch):
    """What is kept does not depend on the data on this machine."""
    monkeypatch.delenv("MIX_DATA", raising=False)


@pytest.fixture
def table13():
    return table.load_all()["table13"]


@pytest.fixture
def shelf(tmp_path):
    """A copy of the repository's kept runs, to be spoilt."""
    shutil.copytree(measured_runs.FOLDER, tmp_path / "measured")
    return tmp_path / "measured"


@pytest.fixture(scope="module")
def found():
    """Name of a table, of a paper's or of a study in the repository -> its kept runs."""
    before = dict(DATASETS)
    runs = {}
    for folder in sorted({path.parent for path in Path("paper_tables").glob("*/*.yaml")}):
        if folder.name == "claims":
            continue
        for name, one in table.load_all(folder).items():
            runs[name] = (measured_runs.runs_of_study(one),)
    for name in DATASETS.keys() - before.keys():
        # a study's images are its own
        DATASETS.pop(name)
    for name, one in table.load_all().items():
        kept, stale = measured_runs.find_runs(one)
        assert not stale
        runs[name] = kept
    return runs


@pytest.mark.parametrize("path", KEPT, ids=[path.stem for path in KEPT])
def test_every_kept_run_belongs_to_a_declared_cell(path, found):
    assert path.stem in {job.digest for kept in found[path.parent.name] for job in kept.jobs}


@pytest.mark.parametrize("path", KEPT, ids=[path.stem for path in KEPT])
def test_every_kept_run_is_whole(path):
    assert faults(load(path, path.stem)) == []


@pytest.mark.parametrize("path", KEPT, ids=[path.stem for path in KEPT])
def test_every_kept_run_says_where_it_comes_from_and_no_more(path):
    text = path.read_text()
    body = json.loads(text)
    assert re.fullmatch(r"[0-9a-f]{40}", body["provenance"]["git"]["commit"])
    assert body["provenance"]["git"]["dirty"] is False
    assert body["provenance"]["versions"]["torch"]
    assert body["seconds"] > 0
    assert set(body["provenance"]["host"]) >= {"system", "machine", "cores"}
    assert socket.gethostname() not in text
    assert not re.search(r'"[^"]*(/|\\\\)[^"]*"', text), "a path"


def test_table13_keeps_a_real_run_of_its_four_methods(table13):
    (kept,), stale = measured_runs.find_runs(table13)
    assert not stale
    assert {row for row, _ in kept.numbers} == {"Vanilla", "Mixup", "CutMix", "AutoMix"}
    # ten classes: chance is 10
    assert all(cell.mean > 40 for cell in kept.numbers.values())


def test_a_run_whose_settings_are_gone_is_reported_and_not_shown(table13, shelf):
    path = sorted((shelf / "table13").glob("*.json"))[0]
    body = json.loads(path.read_text())
    body["job"]["recipe"]["lr"] = 0.3
    path.unlink()
    body["digest"] = digest_of(body["job"])
    stale = shelf / "table13" / f"{body['digest']}.json"
    write_result(stale, body)
    before, after = measured_runs.find_runs(table13)[0][0], measured_runs.find_runs(table13, shelf)
    assert len(after[0][0].numbers) == len(before.numbers) - 1
    assert after[1] == (stale.name,)


def digest_of(job: dict) -> str:
    text = json.dumps(job, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def test_a_kept_run_that_was_edited_is_refused(table13, shelf):
    path = sorted((shelf / "table13").glob("*.json"))[0]
    path.write_text(path.read_text().replace('"epochs": 24', '"epochs": 25'))
    with pytest.raises(CorruptResult, match="the job inside has digest"):
        measured_runs.find_runs(table13, shelf)


@pytest.fixture
def finished(tmp_path):
    """A demo plan of one table and a store with its results, as if from committed sources."""
    plan = grid.plan({"fig12": table.load_all()["fig12"]}, scale.load("demo"))
    store = Store(tmp_path / "results")
    for job in plan.needed("fig12"):
        with store.working(job) as folder:
            store.commit(job, folder, Outcome({"top1": 50.0}, [], 1.0))
        say_git(store, job, dirty=False)
    return plan, store


def say_git(store, job, dirty: bool) -> None:
    path = store.file(job)
    body = json.loads(path.read_text())
    body["provenance"]["git"] = {"commit": "a" * 40, "dirty": dirty}
    write_result(path, body)


def test_finished_results_can_be_kept_and_are_read_back(finished, tmp_path):
    plan, store = finished
    paths = measured_runs.copy_results(plan, "fig12", store, tmp_path / "kept")
    assert {path.parent for path in paths} == {tmp_path / "kept" / "fig12"}
    (kept,), stale = measured_runs.find_runs(plan.tables["fig12"], tmp_path / "kept")
    assert [job.digest for job in kept.jobs] == [path.stem for path in paths]
    assert (kept.scale.name, stale) == ("demo", ())


def test_a_cell_with_a_missing_run_is_not_shown(finished, tmp_path):
    plan, store = finished
    first, *_ = measured_runs.copy_results(plan, "fig12", store, tmp_path / "kept")
    first.unlink()
    found, unused = measured_runs.find_runs(plan.tables["fig12"], tmp_path / "kept")
    assert not found
    assert len(unused) == len(plan.needed("fig12")) - 1


def test_a_result_of_uncommitted_sources_is_not_kept(finished, tmp_path):
    plan, store = finished
    say_git(store, plan.needed("fig12")[0], dirty=True)
    with pytest.raises(DeclarationError, match="expected a run of committed sources"):
        measured_runs.copy_results(plan, "fig12", store, tmp_path / "kept")
    assert not list(tmp_path.glob("kept/**/*.json"))
