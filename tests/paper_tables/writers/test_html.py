"""HTML as a parser reads it, and what the page says to whoever opens it on a phone."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

from hypothesis import given, settings

from paper_tables.writers import write_html
from tests.paper_tables.writers.sheets import PATIENT, sheets

KNOWN = {
    *("html", "meta", "title", "style", "p", "h1", "h2", "div", "table", "caption", "thead"),
    *("tbody", "tr", "th", "td", "span", "footer", "img", "code"),
}


class Reader(HTMLParser):
    """Collects tags and the texts of headers of rows and columns."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.heads: list[str] = []
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self._inside = tag
        if tag == "th":
            self.heads.append("")

    def handle_endtag(self, tag):
        self._inside = ""

    def handle_data(self, data):
        if self._inside == "th":
            self.heads[-1] += data


@PATIENT
@given(sheets())
def test_no_text_becomes_a_tag(sheet):
    read = Reader(write_html(sheet))
    assert read.tags <= KNOWN
    assert read.heads == ["", *sheet.heads, *(line.label for line in sheet.lines)]


@settings(PATIENT, max_examples=1)
@given(sheets())
def test_the_page_fits_a_phone_and_explains_itself(sheet):
    legend, origin = ("± is the standard deviation",), "Measured from commit 1f0b230 (2026-11-27)."
    page = write_html(replace(sheet, legend=legend, origin=origin))
    assert "<meta name=viewport" in page
    assert ".table { overflow-x: auto }" in page
    assert page.count("<div class=table><table>") == page.count("<table>") == 1
    assert legend[0] in page
    assert origin in page
    assert "http" not in page, "works offline"
