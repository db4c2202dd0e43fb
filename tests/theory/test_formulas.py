"""Formulas as pictures: placed, described, refused with their text."""

from __future__ import annotations

import re

import pytest

from theory.formulas import picture, with_pictures


def test_a_formula_becomes_one_line_of_paths():
    text = picture(r"\frac{a_j}{2} = \mathbb{E}[u]")
    assert "\n" not in text
    assert 'aria-label="\\frac{a_j}{2} = \\mathbb{E}[u]"' in text
    numbers = [float(v) for v in re.findall(r'viewBox="(\S+) (\S+) (\S+) (\S+)"', text)[0]]
    drawn = [float(v) for v in re.findall(r"-?\d+\.\d", text.split(' d="')[1])]
    # nothing is drawn outside the box
    left, top, width, height = numbers
    assert min(drawn[0::2]) >= left - 2
    assert max(drawn) <= left + width + 2
    assert min(drawn) >= top - 2
    assert width > height > 0


def test_only_formulas_are_replaced():
    text = with_pictures("`$a$` costs $x_1$, and\n$$y$$\n```\n$b$\n```")
    assert text.count("<svg") == 2
    assert "`$a$`" in text
    assert "\n$b$\n" in text
    assert text.count("display:block") == 1


def test_what_cannot_be_set_is_named():
    with pytest.raises(ValueError, match=r"nosuchcommand"):
        picture(r"\nosuchcommand{x}")
