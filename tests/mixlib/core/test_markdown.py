"""Markdown as a real parser reads it: what goes into a cell comes out of it."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from mixlib.core.markdown import CODE, escape, escape_line, escape_prose, table

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
# a busy machine is no failure
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
# letters, digits, every sign of ASCII, line breaks, and the papers' symbols
TEXT = st.text(
    st.sampled_from("ab1 \n\t" + "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~" + "λ±–"), max_size=12
)


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def seen(token) -> str:
    """What a reader sees of a parsed line: only text, or the test fails."""
    assert {child.type for child in token.children} <= {"text", "text_special"}, token.children
    return "".join(child.content for child in token.children)


@PATIENT
@given(st.lists(TEXT, min_size=3, max_size=3), st.lists(TEXT, min_size=3, max_size=3))
@example(["a|b", "\\|", "|"], ["\\", "\\\\|", "`|`"])
def test_cells_are_read_as_they_were_written(heads, row):
    lines = table([escape(text) for text in heads], [[escape(text) for text in row]], "lrc")
    tokens = [token for token in PARSER.parse("\n".join(lines)) if token.type == "inline"]
    assert [seen(token) for token in tokens] == [plain(text) for text in (*heads, *row)]


@PATIENT
@given(TEXT)
@example("1. a")
@example("![a](b)")
@example("&amp;")
@example("--")
def test_a_line_is_read_as_it_was_written(text):
    tokens = PARSER.parse(f"- {escape_line(text)}")
    inline = [token for token in tokens if token.type == "inline"]
    assert len(inline) == (1 if plain(text) else 0)
    assert [token.type for token in tokens if token.type.endswith("list_open")] == [
        "bullet_list_open"
    ]
    assert "".join(seen(token) for token in inline) == plain(text)


@PATIENT
@given(TEXT)
@example("`a|b` *c*")
@example("\\`a\\` `")
@example("``a` `b``")
def test_prose_is_read_as_it_was_written_and_its_words_of_code_as_code(text):
    tokens = PARSER.parse(f"- {escape_prose(text)}")
    inline = [token for token in tokens if token.type == "inline"]
    assert len(inline) == (1 if plain(text) else 0)
    children = [child for token in inline for child in token.children]
    assert {child.type for child in children} <= {"text", "text_special", "code_inline"}
    code = [child.content for child in children if child.type == "code_inline"]
    assert code == CODE.findall(plain(text))
    marks = {"code_inline": "`"}
    shown = [marks.get(c.type, "") + c.content + marks.get(c.type, "") for c in children]
    assert "".join(shown) == plain(text)


def test_words_of_code_are_between_single_backticks():
    assert CODE.findall("`released: true`, ` a`, ``b``, `c d`") == ["released: true", "c d"]


@PATIENT
@given(TEXT)
def test_formulas_stay_closed(text):
    """GitHub reads $...$ as a formula; the parser above does not know it."""
    assert not re.search(r"(?<!\\)(\\\\)*\$", escape(text))


def test_what_opens_nothing_stays_readable():
    for text in ("paper_tables/table7", "2 * 3", "l = 4", "a < b", "Mixup & CutMix", "± 0.5"):
        assert escape(text) == text


def test_an_escaped_bar_is_not_escaped_twice():
    assert table(["a"], [["`x\\|y`"]])[2] == "| `x\\|y` |"


def test_rows_of_another_length_are_refused():
    with pytest.raises(ValueError, match=r"expected 2 cells as in \['a', 'b'\], got \['c'\]"):
        table(["a", "b"], [["c"]])
    with pytest.raises(ValueError, match="expected 2 letters"):
        table(["a", "b"], [], "l")
