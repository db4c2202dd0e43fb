"""Declared figures: their own products, and their own settings."""

from __future__ import annotations

import pytest

from paper_tables.drawings import gallery
from paper_tables.render import products, render
from pipelines.declare import scale, table
from pipelines.declare.errors import DeclarationError
from pipelines.execute.store import Store
from pipelines.plan import grid

FIGURES = """
paper: a test
tables: {}
figures:
  small:
    title: A small figure
    source: nowhere
    figure: gallery
    settings: {methods: [mixup, cutmix, cutout], lambdas: [0.5], pairs: 1}
"""


@pytest.fixture
def declared(tmp_path):
    path = tmp_path / "figures.yaml"
    path.write_text(FIGURES)
    return path


def test_a_figure_has_no_cells_and_renders(declared, tmp_path):
    plan = grid.plan(table.load(declared), scale.load("demo"))
    assert plan.cells["small"] == ()
    assert not plan.jobs
    render(plan, "small", Store(tmp_path / "results"), tmp_path)
    made = products(plan, "small", tmp_path)
    assert {path.suffix for path in made} == {".png", ".svg", ".json"}
    assert all(path.stat().st_size > 0 for path in made)
    first = made[0].read_bytes()
    render(plan, "small", Store(tmp_path / "results"), tmp_path)
    assert made[0].read_bytes() == first


def test_its_settings_are_its_address(declared):
    def address() -> str:
        plan = grid.plan(table.load(declared), scale.load("demo"))
        return grid.digest(plan.tables["small"], plan.scale, ())

    before = address()
    declared.write_text(FIGURES.replace("0.5", "0.4"))
    assert address() != before


def test_every_declared_figure_has_valid_settings():
    tables = [t for t in table.load_all().values() if t.kind == table.NO_CELLS]
    assert {"gallery", "fig1_samples", "msda_masks"} <= {t.name for t in tables}
    for found in tables:
        gallery.settings(found.name, dict(found.fixed))


@pytest.mark.parametrize(
    ("given", "words"),
    [({"lambda": [0.5]}, "no key 'lambda'; did you mean"), ({"methods": ["cutmx"]}, "'cutmix'")],
)
def test_wrong_words(given, words):
    with pytest.raises(DeclarationError, match=words):
        gallery.settings("figures.yaml: small", given)
