"""The documentation of the methods is what the catalog says."""

from __future__ import annotations

from pathlib import Path

from mixlib.catalog.describe import FAMILIES, markdown, undocumented
from mixlib.catalog.methods import METHODS

PAGE = Path(__file__).parents[3] / "docs" / "methods.md"


def test_the_page_says_of_its_methods_what_the_catalog_says():
    page = PAGE.read_text()
    # a method that is new stands on it once `make docs` was called; `make lint` asks for that
    new = [f"`{name}` |" for name in METHODS if f"`{name}` |" not in page]
    lines = [line for line in markdown().splitlines() if not any(name in line for name in new)]
    assert page.splitlines() == lines, "docs/methods.md is old: make docs"


def test_the_check_names_what_is_missing(tmp_path):
    assert not undocumented(PAGE, sorted(FAMILIES.glob("*.md")))
    page = tmp_path / "methods.md"
    page.write_text("")
    assert undocumented(page, [])[0] == f"{page} is old: make docs"
    assert any("cutmix" in line for line in undocumented(page, []))


def test_every_method_is_on_it():
    text = markdown()
    for row in METHODS.values():
        assert f"| {row.title} | `{row.name}` | {row.status} |" in text
        assert row.cite in text
