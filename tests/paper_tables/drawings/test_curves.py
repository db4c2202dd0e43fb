"""Curves: axes that say what they show, error bars only where a spread is known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from paper_tables.drawings import curves
from paper_tables.drawings.canvas import Drawing
from paper_tables.drawings.colors import styles
from paper_tables.measure import measure


def drawn(invented, name, several, monkeypatch):
    """The axis of a curve, from one run a cell or from three."""
    plan, store = invented
    kept = []
    monkeypatch.setattr(curves, "save", lambda figure, paths: kept.append(figure))
    numbers = measure(plan.tables[name], plan.cells[name], store)
    if several:
        numbers = {
            at: replace(cell, values=tuple(v + i for v in cell.values for i in range(3)))
            for at, cell in numbers.items()
        }
    function = curves.over_rows if name != "fig1" else curves.accuracy_over_cost
    function(Drawing(plan.tables[name], plan.scale, numbers, plan.cells[name], store), ())
    return kept[0].axes[0]


@pytest.mark.parametrize(("name", "setting"), [("fig9", "alpha"), ("fig10", "l")])
def test_the_setting_is_named_below_and_its_values_are_the_ticks(
    invented, name, setting, monkeypatch
):
    axis = drawn(invented, name, False, monkeypatch)
    assert axis.get_ylabel() == "Top-1 (%)"
    assert axis.get_xlabel() == setting
    rows = [row.label for row in invented[0].tables[name].rows]
    ticks = [f"{setting} = {tick.get_text()}" for tick in axis.get_xticklabels()]
    assert ticks == rows


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("name", ["fig1", "fig9"])
def test_bars_are_drawn_where_a_spread_is_known(invented, name, several, monkeypatch):
    axis = drawn(invented, name, several, monkeypatch)
    handles, _ = axis.get_legend_handles_labels()
    assert handles
    for handle in handles:
        assert (handle.has_xerr or handle.has_yerr) is several


def test_a_point_has_the_color_of_its_method(invented, monkeypatch):
    axis = drawn(invented, "fig1", False, monkeypatch)
    handles, labels = axis.get_legend_handles_labels()
    looks = styles(labels)
    assert [h.lines[0].get_color() for h in handles] == [looks[name].color for name in labels]
    assert axis.get_ylabel() == "Top-1 (%)"
