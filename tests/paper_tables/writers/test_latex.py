"""LaTeX in which no sign of a text is a command."""

from __future__ import annotations

import re

from hypothesis import example, given

from paper_tables.writers import write_tex
from paper_tables.writers.latex import escape
from tests.paper_tables.writers.sheets import PATIENT, TEXT, plain, sheets

WORDS = {
    r"\textbackslash{}": "\\",
    r"\textasciitilde{}": "~",
    r"\textasciicircum{}": "^",
    r"\textless{}": "<",
    r"\textgreater{}": ">",
    r"\textbar{}": "|",
    r"$\pm$": "±",
    **{rf"\{sign}": sign for sign in "{}$&%_#"},
}
TOKEN = re.compile("|".join(map(re.escape, WORDS)) + "|.", re.DOTALL)


def printed(tex: str) -> str:
    """What LaTeX prints of escaped text; a sign with a meaning that is left over is an error."""
    found = []
    for token in TOKEN.findall(tex):
        assert token in WORDS or token not in "\\{}$&%_#~^<>|", (token, tex)
        found.append(WORDS.get(token, token))
    return "".join(found)


@PATIENT
@given(TEXT)
@example("\\input{x} % $a_1^2$ ~ # & {")
def test_text_prints_as_it_is_written(text):
    assert printed(escape(text)) == plain(text)


@PATIENT
@given(sheets())
def test_the_table_keeps_its_shape(sheet):
    lines = write_tex(sheet).splitlines()
    assert len(lines) == 11 + len(sheet.lines)
    assert lines[0] == f"% {plain(sheet.header)}"
    rows = lines[lines.index(r"\midrule") + 1 : lines.index(r"\bottomrule")]
    for row, line in zip(rows, sheet.lines, strict=True):
        # at its start these would be an option of the \\ before
        assert not row.startswith(("[", "*"))
        label, first, second = re.split(r"(?<!\\) & ", row.removesuffix(r" \\"))
        assert printed(label.removeprefix("{}")) == plain(line.label)
        assert (first, second) == (r"\textbf{47.0 $\pm$ 0.7}", "41.0")
