"""Repeating a kept run: the command does the job again and says how the two compare."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mixlib.data.catalog import DATASETS
from paper_tables.repeat_kept_run import compare, find
from pipelines.data import datasets
from pipelines.data.fingerprints import fingerprint, specify
from pipelines.declare import scale, table
from pipelines.declare.errors import DeclarationError
from pipelines.execute.result_file import write_result
from pipelines.plan import grid, job_file
from pipelines.plan.inputs import Data
from pipelines.plan.setting import pairs

ROOT = Path(__file__).parents[2]


def run(folder, *words):
    """A command in a folder of its own."""
    return subprocess.run(
        [sys.executable, "-m", *words], cwd=folder, text=True, capture_output=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def small():
    """A training of the demo, cut down to seconds."""
    plan = grid.plan({"table13": table.load_all()["table13"]}, scale.load("demo"))
    job = next(iter(plan.jobs.values()))
    spec = {**dict(job.images.spec), "train": 64, "val": 40}
    row = DATASETS[job.images.name]
    images = Data(row.name, fingerprint(row, specify(row, spec)), pairs(spec))
    return job.replace(images=images, recipe=replace(job.recipe, epochs=2, batch=16))


@pytest.fixture(scope="module")
def kept(small, tmp_path_factory):
    """A folder in which the training was done and kept: (folder, file of the kept run)."""
    folder = tmp_path_factory.mktemp("kept")
    row = DATASETS[small.images.name]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        datasets.provide(row, specify(row, dict(small.images.spec)))
    path = job_file.write(small, folder)
    done = run(folder, "pipelines.execute", str(path), "--portable")
    assert done.returncode == 0, done.stderr
    body = json.loads((folder / "results" / small.digest / "result.json").read_text())
    return folder, _keep(folder, body)


def _keep(folder, body):
    path = folder / "paper_tables" / "measured" / "table13" / f"{body['digest']}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_result(path, {"scale": "demo", **body})
    return path


def test_the_same_code_gives_the_same_numbers(kept):
    folder, path = kept
    said = run(folder, "paper_tables.repeat_kept_run", path.stem[:6])
    assert said.returncode == 0, said.stderr
    assert f"{path.stem}: equal" in said.stdout


def test_another_number_is_different(kept):
    folder, path = kept
    body = json.loads(path.read_text())
    spoilt = {**body, "metrics": {**body["metrics"], "top1": body["metrics"]["top1"] + 20}}
    write_result(path, spoilt)
    try:
        said = run(folder, "paper_tables.repeat_kept_run", path.stem)
    finally:
        write_result(path, body)
    assert said.returncode == 1
    assert f"{path.stem}: different" in said.stdout
    assert "the spread between runs is not known" in said.stdout


def test_a_job_that_todays_code_does_not_make_is_refused(kept, tmp_path):
    folder, path = kept
    body = json.loads(path.read_text())
    body["job"]["a_field_of_earlier_code"] = 7
    text = json.dumps(body["job"], sort_keys=True, separators=(",", ":"))
    body["digest"] = hashlib.sha256(text.encode()).hexdigest()[:16]
    other = tmp_path / "table13" / f"{body['digest']}.json"
    other.parent.mkdir()
    write_result(other, body)
    said = run(folder, "paper_tables.repeat_kept_run", other.stem, "--folder", str(tmp_path))
    assert said.returncode == 1
    assert "expected a job that today's code does" in said.stderr
    assert "Traceback" not in said.stderr


def result(top1, loss=1.0):
    return {"metrics": {"top1": top1, "step_ms": loss}, "history": [{"epoch": 1.0, "top1": top1}]}


def test_times_play_no_part():
    assert compare(result(50.0, 1.0), result(50.0, 2.0), [50.0], "top1")[0] == "equal"


def test_an_epoch_counts():
    again = result(50.0)
    again["history"][0]["top1"] = 49.0
    word, why = compare(result(50.0), again, [50.0, 51.0, 50.4], "top1")
    assert (word, "n = 3" in why) == ("within spread", True)


@pytest.mark.parametrize(("now", "word"), [(52.43, "within spread"), (52.44, "different")])
def test_the_spread_is_that_of_one_more_run(now, word):
    """Mean 50, standard deviation 1, n = 9; t of 8 degrees at 97.5 % is 2.3060: 50 +- 2.4308."""
    assert compare(result(50.0), result(now), [49.0, 51.0] * 4 + [50.0], "top1")[0] == word


def test_a_digest_that_no_or_several_runs_have_is_refused(kept):
    _, path = kept
    measured = path.parents[1]
    with pytest.raises(DeclarationError, match="found none"):
        find("ffffffffffff", measured)
    twin = path.with_name(f"{path.stem[:8]}00000000.json")
    twin.write_text("{}")
    try:
        with pytest.raises(DeclarationError, match="expected one kept run"):
            find(path.stem[:8], measured)
    finally:
        twin.unlink()
