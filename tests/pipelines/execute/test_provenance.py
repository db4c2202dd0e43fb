"""Provenance: what was loaded when the work began, and what changed until its end."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys

import pytest

from pipelines.execute import provenance
from pipelines.execute.provenance import Origin


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A loaded module of the project whose file can be edited."""
    package = tmp_path / "mixlib_probe"
    package.mkdir()
    (package / "__init__.py").write_text('"""Doc."""\n\nVALUE = 1  # a comment\n')
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(provenance, "PACKAGES", ("mixlib_probe",))
    importlib.import_module("mixlib_probe")
    yield package / "__init__.py"
    del sys.modules["mixlib_probe"]


def test_the_loaded_modules_are_named(module):
    assert provenance.loaded_files() == {"mixlib_probe": module}
    source = Origin.now().body()["source"]
    assert source["modules"].keys() == {"mixlib_probe", provenance.LOCK}
    assert source["digest"] == provenance.closure_digest(source["modules"])
    assert source["changed_during_run"] == []


def trees():
    """Digests of the loaded modules as they are now."""
    return Origin.now().trees


@pytest.mark.parametrize(
    "text",
    ['"""Another."""\n\nVALUE = 1\n', "# only\n\n\nVALUE   =   1\n", '"""Doc."""\nVALUE = (1)\n'],
)
def test_comments_docstrings_and_formatting_are_no_change(module, text):
    before = trees()
    module.write_text(text)
    assert trees() == before


@pytest.mark.parametrize("text", ["VALUE = 2\n", "VALUE = 1.0\n", "VALUE = 1\nOTHER = 1\n", ""])
def test_a_semantic_edit_is_a_change(module, text):
    before = trees()
    module.write_text(text)
    assert trees() != before


@pytest.mark.parametrize("text", ["VALUE = 2\n", None])
def test_an_edit_during_a_run_is_recorded(module, text):
    origin = Origin.now()
    if text is None:
        module.unlink()
    else:
        module.write_text(text)
    body = origin.body()
    assert body["source"]["changed_during_run"] == ["mixlib_probe"]
    assert body["git"]["dirty"]


@pytest.mark.parametrize("edited", [False, True])
def test_what_the_work_itself_loads_is_part_of_it(module, edited, monkeypatch):
    late = module.parent / "late.py"
    late.write_text("VALUE = 1\n")
    os.utime(late, (1, 1))
    origin = Origin.now()
    if edited:
        late.write_text("VALUE = 2\n")
    importlib.import_module("mixlib_probe.late")
    body = origin.body()
    del sys.modules["mixlib_probe.late"]
    assert "mixlib_probe.late" in body["source"]["modules"]
    assert body["source"]["changed_during_run"] == ["mixlib_probe.late"] * edited


def test_what_is_in_the_digest_of_a_job_is_not_its_source():
    import paper_tables.sheet  # noqa: F401

    names = Origin.now().trees
    assert "pipelines.execute.provenance" in names
    assert not [n for n in names if n.startswith(("pipelines.plan", "paper_tables"))]


def test_a_commit_during_a_run_is_not_its_source(tmp_path, monkeypatch):
    def git(*words):
        command = ["git", "-c", "user.name=t", "-c", "user.email=t@t", *words]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)

    monkeypatch.chdir(tmp_path)
    provenance.git_state.cache_clear()
    git("init", "--quiet")
    git("commit", "--allow-empty", "-m", "first")
    origin = Origin.now()
    git("commit", "--allow-empty", "-m", "second")
    assert origin.body()["git"]["commit"] == origin.git["commit"]
    provenance.git_state.cache_clear()
    assert Origin.now().git["commit"] != origin.git["commit"]
    provenance.git_state.cache_clear()


def test_the_machine_is_described():
    import torch

    found = provenance.host()
    assert found["processor"]
    assert found["cores"] >= 1
    assert found["threads"] == torch.get_num_threads()
    assert found["instruction_set"] == torch.backends.cpu.get_cpu_capability()
