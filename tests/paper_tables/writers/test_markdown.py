"""Markdown as a real parser reads it."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from markdown_it import MarkdownIt

from paper_tables.writers import write_markdown
from tests.paper_tables.writers.sheets import PATIENT, plain, sheets

BOLD = ("strong_open", "strong_close")
PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def seen(token, prose=False):
    """What a reader sees of a line; bold is the only markup, in prose code: with its backticks."""
    kinds = {child.type for child in token.children}
    known = {"text", "text_special", *(["code_inline"] if prose else BOLD)}
    assert kinds <= known, kinds
    return "".join(
        f"`{child.content}`" if child.type == "code_inline" else child.content
        for child in token.children
    )


@PATIENT
@given(sheets())
def test_every_text_is_read_as_it_was_declared(sheet):
    tokens = PARSER.parse(write_markdown(sheet))
    read: dict[str, list[str]] = {"p": [], "h": [], "th": [], "td": [], "li": []}
    for before, token in pairwise(tokens):
        opened = before.type.removesuffix("_open")
        if token.type == "inline":
            inside = {"paragraph": "li" if token.level > 1 else "p", "heading": "h"}
            read[inside.get(opened, opened)].append(seen(token, opened == "paragraph"))
    assert read["p"] == [text for text in map(plain, (sheet.header, sheet.caption)) if text]
    assert read["h"] == [plain(f"{sheet.title} ({sheet.units})" if sheet.units else sheet.title)]
    assert read["th"] == ["", *map(plain, sheet.heads)]
    assert read["td"] == [
        text for line in sheet.lines for text in (plain(line.label), "47.0 ± 0.7", "41.0")
    ]
    assert read["li"] == [plain(note) for note in sheet.notes]
