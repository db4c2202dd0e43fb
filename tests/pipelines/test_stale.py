"""Edits of the code and the stored results that they touch: cosmetic ones none, semantic ones
exactly the results whose work had loaded the module."""

from __future__ import annotations

import ast
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.execute.provenance import LOCK, ROOT, tree_digest
from pipelines.execute.store import Store
from pipelines.plan import job_file
from pipelines.stale import report, source_of, touched_modules

EDITS = 50


def cosmetic(text: str, draw: random.Random) -> str:
    """The same program, written otherwise."""
    lines = ast.unparse(ast.parse(text)).splitlines() if draw.random() < 0.5 else text.splitlines()
    comment = f"# {draw.random()}"
    head = ast.parse(text).body
    if draw.random() < 0.5 and head and isinstance(head[0], ast.Expr):
        lines = ast.unparse(ast.parse("\n".join(lines)).body[1:]).splitlines()
        lines = [f'"""Another docstring, {draw.random()}."""', *lines]
    return "\n".join([*lines, "", "", comment, ""])


def semantic(text: str, draw: random.Random) -> str:
    """Another program: a number, a comparison or an operator is changed, or a name added."""
    tree = ast.parse(text)
    nodes = [
        node
        for node in ast.walk(tree)
        if (isinstance(node, ast.Constant) and type(node.value) in (bool, int, float))
        or isinstance(node, (ast.Compare, ast.BinOp, ast.Return))
    ]
    if not nodes:
        return f"{text}\nADDED = {draw.random()}\n"
    node = draw.choice(nodes)
    if isinstance(node, ast.Constant):
        node.value = not node.value if isinstance(node.value, bool) else node.value + 1
    elif isinstance(node, ast.Compare):
        node.ops[0] = ast.NotIn() if isinstance(node.ops[0], ast.In) else ast.In()
    elif isinstance(node, ast.BinOp):
        node.op = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
    else:
        node.value = ast.Constant(draw.random())
    return ast.unparse(ast.fix_missing_locations(tree))


TRAIN = """
import sys
from pathlib import Path
from pipelines.plan import job_file
from pipelines.execute.selftest import run, training

job = training(sys.argv[1])
run(job)
job_file.write(job, Path(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Real results of two trainings whose methods are in two files, by method; store and jobs."""
    folder = tmp_path_factory.mktemp("stale")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MIX_DATA": ""}
    jobs = {}
    for name in ("cutmix", "fmix"):
        command = [sys.executable, "-c", TRAIN, name]
        subprocess.run(command, check=True, cwd=folder, env=environment, capture_output=True)
        (path,) = (folder / name).glob("*.json")
        jobs[name] = job_file.read(path)
    store = Store(folder / "results")
    return {name: store.read(job) for name, job in jobs.items()}, store, jobs


def names_of(result):
    return result["provenance"]["source"]["modules"].keys()


def test_what_was_loaded_tells_methods_apart(results):
    found, _, _ = results
    assert "mixlib.methods.cutmix" in names_of(found["cutmix"])
    assert "mixlib.methods.cutmix" not in names_of(found["fmix"])
    assert "pipelines.execute.detect" not in names_of(found["cutmix"])


@pytest.mark.parametrize("edit", [cosmetic, semantic])
def test_an_edit_touches_its_dependents_and_no_other(results, edit, tmp_path):
    found, _, _ = results
    draw = random.Random(2026)
    modules = sorted({name for body in found.values() for name in names_of(body)} - {LOCK})
    for i, name in enumerate(draw.sample(modules, EDITS)):
        path = tmp_path / f"{i}.py"
        path.write_text(edit(source_of(name).read_text(), draw))
        touched = {
            key for key, body in found.items() if touched_modules(body, {name: tree_digest(path)})
        }
        dependents = {key for key, body in found.items() if name in names_of(body)}
        assert touched == (dependents if edit is semantic else set()), name


def test_the_command_lists_them(results, monkeypatch):
    _, store, jobs = results
    assert report(jobs.values(), store) == ["2 results, 0 made with other code"]
    import pipelines.stale as module

    real = module.current_digest
    name = "mixlib.methods.fmix"
    monkeypatch.setattr(module, "current_digest", lambda n: "other" if n == name else real(n))
    lines = report(jobs.values(), store)
    assert lines[-1] == "2 results, 1 made with other code"
    job = jobs["fmix"]
    assert lines[0] == f"stale    {job.digest}  {job.describe()}: {name}"


def test_a_result_that_names_no_modules_says_so():
    assert touched_modules({"provenance": {"source": {"modules": 12}}}) is None
    assert touched_modules({}) is None


def test_a_module_that_is_gone_is_a_change():
    body = {"provenance": {"source": {"modules": {"mixlib.methods.gone": "0123"}}}}
    assert touched_modules(body) == ["mixlib.methods.gone"]
    assert not Path(source_of("mixlib.methods.gone")).exists()
