"""Notebooks: they run, show what is committed, end in what was found, and need no network."""

from __future__ import annotations

import ast
import copy
import re

import jupytext
import nbformat
import pytest

from theory.plots import FIGURE_DATA, Picture
from theory.run_notebooks import differences, executed, notebooks, page


def committed(source):
    return nbformat.read(source.with_suffix(".ipynb"), as_version=4)


@pytest.mark.parametrize("source", notebooks(), ids=lambda path: path.stem)
def test_a_fresh_run_shows_what_is_committed(source):
    """What is printed and what figures show, not pixels; the cells' assertions hold, too."""
    wrong = differences(committed(source), executed(source))
    assert not wrong, "python -m theory notebooks --write, after a look: " + "\n".join(wrong)


@pytest.mark.parametrize("source", notebooks(), ids=lambda path: path.stem)
def test_notebook_asks_asserts_and_says_what_was_found(source):
    tree = ast.parse(source.read_text())
    kinds = (ast.FunctionDef, ast.ClassDef)
    assert not [node for node in ast.walk(tree) if isinstance(node, kinds)]
    book = jupytext.read(source)
    assert re.match(r"# .*\?\n", book.cells[0].source), "opens with the question"
    cells = [cell for cell in book.cells if cell.cell_type == "code"]
    assert "## What was found" in cells[-1].source
    assert "assert " in cells[-2].source
    assert not any("assert " in cell.source for cell in (*cells[:-2], cells[-1]))


@pytest.mark.parametrize("source", notebooks(), ids=lambda path: path.stem)
def test_pair_is_in_step_and_has_outputs(source):
    written, paired = jupytext.read(source), committed(source)
    assert [cell.source for cell in written.cells] == [cell.source for cell in paired.cells]
    found = paired.cells[-1].outputs[0].data["text/markdown"]
    assert len(re.findall(r"\d", found)) > 4
    pictures = [
        o for cell in paired.cells for o in cell.get("outputs", []) if "image/png" in str(o)
    ]
    assert pictures
    assert all(FIGURE_DATA in picture.data for picture in pictures)
    assert source.with_suffix(".ipynb").stat().st_size < 700_000


@pytest.mark.parametrize("source", notebooks(), ids=lambda path: path.stem)
def test_the_page_needs_no_network(source):
    text = page(committed(source))
    assert "<script" not in text
    assert not re.search(r"""(?:src|href)=["']https?://""", text)
    assert len(re.findall(r"<svg[^>]* role=.img.", text)) >= 1, "formulas are pictures"
    prose = re.sub(r"<(pre|svg|style)\b.*?</\1>", "", text, flags=re.DOTALL)
    assert not re.search(r"\$[^$<]*\\", prose), "a formula was left as TeX"
    assert "data:image/png" in text


def test_the_comparison_notices():
    book = committed(notebooks()[1])
    assert not differences(book, copy.deepcopy(book))
    for cell in (changed := copy.deepcopy(book)).cells:
        for output in cell.get("outputs", []):
            for axis in output.get("data", {}).get(FIGURE_DATA, []):
                for line in axis["lines"]:
                    line["y"] = [1.1 * y for y in line["y"]]
    assert any("figure differs" in text for text in differences(book, changed))
    last = (changed := copy.deepcopy(book)).cells[-1].outputs[0].data
    last["text/markdown"] = last["text/markdown"].replace("CutMix", "Mixup")
    assert any("markdown differs" in text for text in differences(book, changed))


def test_figures_carry_their_data():
    made = Picture()
    made.subplots().plot([0, 1], [2, 3], label="a")
    ((axis,),) = made._repr_mimebundle_().values()
    assert axis["lines"] == [{"label": "a", "x": [0.0, 1.0], "y": [2.0, 3.0]}]
