"""Notebooks: they run, end in assertions, and agree with their pairs."""

from __future__ import annotations

import ast

import jupytext
import pytest

from theory.run_notebooks import execute, notebooks


@pytest.mark.parametrize("source", notebooks(), ids=lambda path: path.stem)
def test_notebook_runs(source, tmp_path):
    (page,) = execute(tmp_path, [source])
    assert "data:image/png" in page.read_text()


@pytest.mark.parametrize("source", notebooks(), ids=lambda path: path.stem)
def test_notebook_defines_nothing_and_asserts_at_the_end(source):
    tree = ast.parse(source.read_text())
    kinds = (ast.FunctionDef, ast.ClassDef)
    assert not [node for node in ast.walk(tree) if isinstance(node, kinds)]
    cells = [cell for cell in jupytext.read(source).cells if cell.cell_type == "code"]
    assert "assert " in cells[-1].source
    assert not any("assert " in cell.source for cell in cells[:-1])


@pytest.mark.parametrize("source", notebooks(), ids=lambda path: path.stem)
def test_pair_is_in_step_and_has_no_outputs(source):
    written, paired = jupytext.read(source), jupytext.read(source.with_suffix(".ipynb"))
    assert [cell.source for cell in written.cells] == [cell.source for cell in paired.cells]
    assert not any(cell.get("outputs") for cell in paired.cells)
