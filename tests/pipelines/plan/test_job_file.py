"""Job files: every planned job survives its file, and a file that does not fit is refused."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from pipelines.declare import scale, table
from pipelines.plan import grid, job_file
from pipelines.plan.build import plan
from pipelines.plan.job_file import JobFileError, read, rebuild, write


@pytest.fixture
def job(declare):
    plan = grid.plan(table.load(declare()), scale.load("demo"))
    return next(iter(plan.of_kind("detect").values()))


@pytest.mark.parametrize("name", ["demo", "paper"])
def test_every_planned_job_is_itself_again(name):
    for job in plan(name).jobs.values():
        again = rebuild(json.loads(job.canonical()))
        assert type(again) is type(job)
        assert again.canonical() == job.canonical()
        assert again == job
        assert again.describe() == job.describe()


def test_a_file_is_named_by_the_digest_and_read_back(tmp_path, job):
    path = write(job, tmp_path / "jobs")
    assert path.name == f"{job.digest}.json"
    assert read(path) == job
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_damaged_file_is_written_again(tmp_path, job):
    path = write(job, tmp_path)
    path.write_text("")
    assert read(write(job, tmp_path)) == job


def edit(path, change):
    body = json.loads(path.read_text())
    change(body)
    path.write_text(json.dumps(body))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda body: body.update(seed=5), "expected the job .* found .* has changed"),
        (lambda body: body["settings"].update(lr=9.0), "expected the job .* found"),
        (lambda body: body.update(kind="detct"), "KeyError: 'detct'"),
        (lambda body: body.update(extra=1), r"has no field \['extra'\]"),
        (lambda body: body.pop("parent"), "missing 1 required positional argument"),
        (lambda body: body.pop("revision"), "KeyError"),
    ],
)
def test_another_job_is_refused(tmp_path, job, change, message):
    path = write(job, tmp_path)
    edit(path, change)
    with pytest.raises(JobFileError, match=message) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert "again" in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "null", '{"kind": "detect"}', "\x00"])
def test_what_is_no_job_is_refused(tmp_path, text):
    path = tmp_path / "0123456789abcdef.json"
    path.write_text(text)
    with pytest.raises(JobFileError, match="expected a planned job of this version"):
        read(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(JobFileError, match="found no file"):
        read(tmp_path / "none.json")


def test_a_raised_revision_makes_the_file_stale(tmp_path, job, monkeypatch):
    path = write(job, tmp_path)
    monkeypatch.setattr(type(job), "revision", job.revision + 1)
    with pytest.raises(JobFileError, match="has changed since it was planned"):
        read(path)


def test_the_command_refuses_a_bad_file_in_one_line(tmp_path, job):
    path = write(job, tmp_path)
    edit(path, lambda body: body.update(seed=5))
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.execute", str(path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {path}: expected the job")
    assert "Traceback" not in done.stderr


def test_job_files_need_no_torch():
    code = f"import sys, {job_file.__name__}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
