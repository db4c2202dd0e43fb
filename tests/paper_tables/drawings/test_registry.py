"""Words for drawings: each has its function, others are refused before anything is imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

from paper_tables.drawings.registry import DRAWINGS, check_drawing, load_drawing
from pipelines.declare import table
from pipelines.declare.errors import DeclarationError

TABLES = table.load_all()


@pytest.mark.parametrize("word", DRAWINGS)
def test_every_word_has_its_function(word):
    assert callable(load_drawing(word))


@pytest.mark.parametrize("name", TABLES)
def test_every_declared_drawing_is_registered(name):
    for word in (TABLES[name].figure, TABLES[name].pictures):
        if word is not None:
            check_drawing(name, word)


@pytest.mark.parametrize("word", ["os:system", "paper_tables.render:main", "dot"])
def test_what_is_not_registered_is_not_imported(word):
    with pytest.raises(DeclarationError, match=rf"figure: no drawing '{word}'"):
        load_drawing(word)


def test_the_nearest_word_is_named():
    with pytest.raises(DeclarationError, match=r"a\.yaml: t: figure: .* did you mean 'dots'"):
        check_drawing("a.yaml: t: figure", "dot")


def test_words_are_checked_without_torch():
    code = (
        "import sys; from paper_tables.drawings.registry import check_drawing;"
        "check_drawing('x', 'dots'); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
