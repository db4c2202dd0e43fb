"""Words of code in captions and notes: code where a format has it, plain where it has none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from paper_tables.sheet import build_sheet
from paper_tables.writers import write_html, write_markdown, write_tex
from pipelines.declare import scale, table


@pytest.fixture(scope="module")
def sheet():
    declared = replace(table.load_all()["table1"], caption="By `length: 2` and `a_b`.")
    return build_sheet(declared, {}, scale.load("demo"), ())


def test_markdown_has_code(sheet):
    text = write_markdown(sheet)
    assert "\nBy `length: 2` and `a_b`.\n" in text
    assert "parameter `released: true` is the code base's" in text
    assert "\\`" not in text


def test_html_has_code(sheet):
    page = write_html(sheet)
    assert "<caption>By <code>length: 2</code> and <code>a_b</code>. (%)</caption>" in page
    assert "parameter <code>released: true</code> is the code base" in page
    assert "`" not in page


def test_latex_has_the_plain_words(sheet):
    assert r"By length: 2 and a\_b." in write_tex(sheet)
