from __future__ import annotations

import pytest

from mixlib.audit.load import load, parse


def test_an_object_is_loaded_and_one_with_arguments_is_called() -> None:
    assert load(parse("math:sqrt")).__name__ == "sqrt"
    assert load(parse("fractions:Fraction(1, denominator=2)")) * 2 == 1


def test_a_file_is_loaded(tmp_path) -> None:
    path = tmp_path / "my_mixing.py"
    path.write_text("class A:\n    def b(): return 3\n")
    assert load(parse(f"{path}:A.b()")) == 3


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("timm.data", "package.module:name"),
        ("a:b(", "cannot read"),
        ("a:b(x=open('f'))", "literals"),
        ("a:1", "expected a name"),
    ],
)
def test_what_cannot_be_read_is_said(text, word) -> None:
    with pytest.raises(ValueError, match=word):
        parse(text)


def test_missing_things_are_named(tmp_path) -> None:
    with pytest.raises(ImportError, match="no 'nonsense'"):
        load(parse("fractions:nonsense"))
    with pytest.raises(ImportError, match=r"no file .*absent\.py"):
        load(parse(f"{tmp_path}/absent.py:f"))


def test_a_class_is_no_mixing_yet() -> None:
    with pytest.raises(ValueError, match=r"found the class Mixup.*timm\.data:Mixup\(\)"):
        load(parse("timm.data:Mixup"))
