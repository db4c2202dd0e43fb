"""Words of the pages: lists of names, and numbers that are told apart."""

from __future__ import annotations

from theory.experiments.page import listed, told_apart


def test_a_name_with_a_comma_is_one_name():
    assert listed(["Mixup", "ResizeMix, place", "GMix"]) == 'Mixup, "ResizeMix, place", GMix'
    assert listed([]) == "none"


def test_numbers_have_the_digits_that_tell_them_apart():
    assert told_apart(8.24e-05, 8.19e-05) == ("8.24e-05", "8.19e-05")
    assert told_apart(0.123456, 0.2) == ("0.12", "0.2")
    assert told_apart(0.5, 0.5) == ("0.5", "0.5")
