"""Titles: inside their figure, and honest about which run is shown."""

from __future__ import annotations

from dataclasses import replace

import pytest
from matplotlib.figure import Figure

from paper_tables.drawings.canvas import Drawing, set_title
from pipelines.declare import scale, table
from pipelines.execute.store import Store
from pipelines.plan import grid

TABLES = table.load_all()


@pytest.mark.parametrize("size", [8, 10, 11])
@pytest.mark.parametrize("width", [4.1, 11])
def test_a_title_is_not_cut(width, size):
    for each in TABLES.values():
        figure = Figure(figsize=(width, 3))
        set_title(figure, f"{each.title} (paper; the axis does not start at 0; first run)", size)
        extent = figure._suptitle.get_window_extent()
        assert extent.x0 >= 0, each.title
        assert extent.x1 <= figure.bbox.width, each.title


def test_lines_of_a_title_stay_lines():
    figure = Figure(figsize=(6, 3))
    set_title(figure, "above\nbelow")
    assert figure.get_suptitle() == "above\nbelow"


@pytest.mark.parametrize("seeds", [1, 2])
def test_the_first_run_is_named_where_there_are_several(seeds, tmp_path):
    demo = replace(scale.load("demo"), seeds=seeds, seeds_of={})
    plan = grid.plan({"fig6": TABLES["fig6"]}, demo)
    drawing = Drawing(plan.tables["fig6"], demo, {}, plan.cells["fig6"], Store(tmp_path))
    assert ("; first run)" in drawing.heading()) is (seeds > 1)
    assert "first run" not in drawing.heading(first=False)
