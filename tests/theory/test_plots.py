"""Figures: repeatable bytes, and the command that draws them."""

from __future__ import annotations

import torch
from typer.testing import CliRunner

from theory import plots
from theory.__main__ import app
from theory.plots import save


def test_figures_repeat_their_bytes(tmp_path):
    for folder in ("a", "b"):
        save(plots.coefficients(16, n=300), tmp_path / folder, "coefficients")
    for name in ("coefficients.png", "coefficients.svg"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_lines_that_nearly_coincide_are_told_apart():
    (axis,) = (a for a in plots.coefficients(16, n=50).axes if a.get_title() == "cells and tokens")
    drawn = {line.get_label(): line for line in axis.get_lines()}
    lit = []
    for name in plots.TURNS:
        start, (on, off) = plots.TURNS[name]
        assert drawn[name].get_linestyle() == "--"
        lit += [(start + k) % (on + off) for k in range(on)]
    assert sorted(lit) == list(range(12))  # each shows where the others pause


def test_figures_command_names_its_files(tmp_path, monkeypatch):
    for name in ("coefficients", "maps"):  # drawn in full by the second notebook
        monkeypatch.setattr(plots, name, plots.spectra)
    out = CliRunner().invoke(app, ["figures", str(tmp_path)])
    assert out.exit_code == 0, out.output
    assert {path.name for path in tmp_path.iterdir()} == {
        "table.md",
        *(
            f"{name}.{kind}"
            for name in ("coefficients", "maps", "spectra")
            for kind in ("png", "svg")
        ),
    }


def test_the_lines_of_gradient_maps_have_the_colors_that_are_asked_for():
    maps = {"a": torch.rand(5, 5), "b": torch.rand(5, 5)}
    for colors in (None, {"b": "#000000", "a": "#112233"}):
        made = plots.gradient_maps(maps, colors)
        lines = {line.get_label(): line.get_color() for at in made.axes for line in at.get_lines()}
        assert lines == (colors or {"a": plots.COLORS[0], "b": plots.COLORS[1]})
