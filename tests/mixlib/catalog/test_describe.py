"""The documentation of the methods is what the catalog says."""

from __future__ import annotations

from pathlib import Path

from mixlib.catalog.describe import markdown
from mixlib.catalog.methods import METHODS

PAGE = Path(__file__).parents[3] / "docs" / "methods.md"


def test_the_page_is_up_to_date():
    said = "docs/methods.md is old: python -m mixlib.catalog.describe > docs/methods.md"
    assert PAGE.read_text() == markdown(), said


def test_every_method_is_on_it():
    text = markdown()
    for row in METHODS.values():
        assert f"| {row.title} | `{row.name}` | {row.status} |" in text
        assert row.cite in text
