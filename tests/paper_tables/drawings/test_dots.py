"""Numbers as pictures: every run a dot, the paper's numbers only where they compare."""

from __future__ import annotations

from dataclasses import replace

import pytest
from matplotlib import image

from paper_tables.drawings import dots
from paper_tables.drawings.canvas import Drawing
from paper_tables.drawings.colors import styles
from paper_tables.drawings.dots import of_one_unit
from paper_tables.measure import measure
from paper_tables.render import render
from pipelines.declare import table
from tests.paper_tables.conftest import NUMBERS

TABLES = table.load_all()


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_are_drawn(invented, name, tmp_path):
    plan, store = invented
    out = render(plan, name, store, tmp_path)
    assert image.imread(out / "figure.png").std() > 0.01


def drawn(plan, store, name, compare, monkeypatch):
    """The figure of dots of a table."""
    kept = []
    monkeypatch.setattr(dots, "save", lambda figure, paths: kept.append(figure))
    numbers = measure(plan.tables[name], plan.cells[name], store)
    scale = replace(plan.scale, compare=compare)
    dots.dots(Drawing(plan.tables[name], scale, numbers, plan.cells[name], store), ())
    return numbers, kept[0]


def marked(axis, marker):
    """Positions of every mark of one kind."""
    found = [line for line in axis.get_lines() if line.get_marker() == marker]
    return [(x, y) for line in found for x, y in zip(*line.get_data(), strict=True)]


@pytest.mark.parametrize("compare", [False, True])
def test_every_run_is_a_dot_and_the_papers_numbers_are_only_where_they_compare(
    invented, compare, monkeypatch
):
    plan, store = invented
    numbers, figure = drawn(plan, store, "msda_table2", compare, monkeypatch)
    paper = plan.tables["msda_table2"]
    labels = [row.label for row in paper.rows]
    for axis, column in zip(figure.axes, paper.columns, strict=False):
        cells = {row: numbers.get((row, column.label)) for row in labels}
        runs = [(v, labels.index(row)) for row, c in cells.items() if c for v in c.values]
        assert axis.get_title() == column.label
        assert sorted(marked(axis, "o")) == sorted(runs)
        assert len(marked(axis, "D")) == (len([c for c in cells.values() if c]) if compare else 0)
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == labels
    assert figure.axes[0].yaxis_inverted()
    assert ("diamond" in figure.get_supxlabel()) is compare


def test_columns_of_other_units_are_not_on_the_axis(invented, monkeypatch):
    plan, store = invented
    _, figure = drawn(plan, store, "table11", False, monkeypatch)
    shown = [axis.get_title() for axis in figure.axes if axis.get_visible()]
    assert shown == ["R-18", "RX-50"]
    assert figure.get_supxlabel() == "%: a dot is a run"


def test_columns_of_which_neither_way_is_good_are_not_drawn():
    paper = TABLES["tokenmix_imagenet"]
    assert [c.label for c in of_one_unit(paper).columns] == ["CutMix", "TokenMix"]
    sizes = replace(paper, columns=paper.columns[:2])
    own = of_one_unit(sizes)
    assert [c.label for c in own.columns] == ["#FLOPs (G)"]
    assert own.unit == own.units == "G"


def test_a_row_has_the_color_of_its_method(invented, monkeypatch):
    plan, store = invented
    _, figure = drawn(plan, store, "msda_table2", False, monkeypatch)
    labels = [row.label for row in plan.tables["msda_table2"].rows]
    looks = styles(labels)
    dots_of = [line for line in figure.axes[0].get_lines() if line.get_marker() == "o"]
    assert dots_of
    for line in dots_of:
        assert line.get_color() == looks[labels[int(line.get_ydata()[0])]].color
