"""Declared figures: their own products, and their own settings."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import pytest

from paper_tables import gallery as command
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
    assert {path.suffix for path in made} == {".md", ".html", ".png", ".svg", ".json"}
    assert all(path.stat().st_size > 0 for path in made)
    drawn = [path for path in made if path.stem == "figure"]
    first = [path.read_bytes() for path in drawn]
    render(plan, "small", Store(tmp_path / "results"), tmp_path)
    assert [path.read_bytes() for path in drawn] == first


def test_a_figure_has_a_page_with_its_caption_and_source(declared, tmp_path):
    declared.write_text(
        FIGURES.replace("source: nowhere", "source: nowhere\n    caption: Two boxes.")
    )
    plan = grid.plan(table.load(declared), scale.load("demo"))
    out = render(plan, "small", Store(tmp_path / "results"), tmp_path)
    page = (out / "figure.md").read_text()
    assert page.splitlines()[0].startswith("Drawn from its declared settings")
    assert "# A small figure\n\nTwo boxes.\n\n![A small figure](figure.png)\n" in page
    assert page.endswith("- Source: a test, nowhere.\n")
    assert "|" not in page
    html = (out / "figure.html").read_text()
    assert "<p>Two boxes.</p><img " in html
    assert "Source: a test, nowhere." in html
    assert "<table" not in html


def legend(tmp_path, methods) -> str:
    """The texts of a drawn gallery."""
    chosen = gallery.settings("a test", {"methods": methods, "lambdas": [0.1], "pairs": 1})
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        gallery.paint("A gallery", chosen, (tmp_path / "figure.svg",))
    return (tmp_path / "figure.svg").read_text()


def test_the_legend_names_what_is_there(tmp_path):
    assert "filled" in legend(tmp_path, ["cutmix", "cutout"])
    text = legend(tmp_path, ["cutmix", "mixup"])
    assert "own image" in text
    assert "partner" in text
    assert "filled" not in text


def test_a_bar_stays_within_its_tile():
    assert gallery.bar((0.75, 0.58)) == pytest.approx((0.564, 0.436), abs=1e-3)
    assert gallery.bar((0.4, 0.35)) == (0.4, 0.35)


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


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"out": "a.gif"}, r"expected a picture \(.png, .svg, .pdf\)"),
        ({"out": "nowhere/a.png"}, "in a folder that is there"),
        ({"lambdas": "0.3,a"}, "expected shares from 0 to 1"),
        ({"lambdas": "1.3"}, "expected shares from 0 to 1"),
    ],
)
def test_the_command_looks_before_it_draws(words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "paint", lambda *args: pytest.fail("drawn"))
    words = {"out": "a.png", "images": "generated", "methods": "cutmix, mixup"} | words
    words = {"lambdas": "0.5", "pairs": 1} | words
    with pytest.raises(DeclarationError, match=said):
        command.main(Path(words.pop("out")), **words)
