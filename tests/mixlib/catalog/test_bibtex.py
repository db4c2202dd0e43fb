"""Every citation of the catalog becomes an entry that BibTeX can read."""

from __future__ import annotations

import re

import pytest

from mixlib.catalog.bibtex import entries
from mixlib.catalog.methods import METHODS

WITHOUT_A_PAPER = ("vanilla", "stochastic")


@pytest.mark.parametrize("name", [name for name in METHODS if name not in WITHOUT_A_PAPER])
def test_a_row_has_an_entry(name):
    (text,) = entries([METHODS[name]])
    fields = dict(re.findall(r"^  (\w+) = \{(.*)\},$", text, re.MULTILINE))
    assert fields.keys() >= {"title", "author", "year"}
    assert fields.keys() & {"eprint", "doi", "url"}
    assert fields["title"].startswith("{")
    assert str(METHODS[name].cite).startswith(fields["author"].split(" and others")[0])
    assert text.count("{") == text.count("}")


def test_a_paper_comes_once():
    both = entries([METHODS["tokenmix"], METHODS["token_blocks"], METHODS["mixup"]])
    assert len(both) == 2
    assert entries([METHODS["vanilla"]]) == []
