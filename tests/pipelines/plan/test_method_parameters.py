"""Parameters of methods: read from sources, the same as Python sees them."""

from __future__ import annotations

import inspect

import pytest

from mixlib.catalog.methods import METHODS
from mixlib.core.method import resolve
from pipelines.declare.method_schema import SETTINGS_OF
from pipelines.plan.method_parameters import GIVEN, arguments, kind_of, parameters


@pytest.mark.parametrize("name", [name for name in METHODS if name not in SETTINGS_OF])
def test_the_source_says_what_the_constructor_takes(name):
    row = METHODS[name]
    module, _, function = row.path().partition(":")
    names = [argument for argument, _ in arguments(module, function)]
    assert names == list(inspect.signature(resolve(row.path())).parameters)
    extra = {"pipeline", "momentum"} if row.objective == "once" else set()
    extra |= set(row.rule_params)
    extra |= {"released"} if row.released is not None else set()
    assert parameters(row).keys() == (set(names) - GIVEN) | extra


@pytest.mark.parametrize(
    ("annotation", "good", "bad"),
    [
        ("float", 0.5, "0.5"),
        ("int", 3, 3.5),
        ("bool", True, "no"),
        ("str", "a", 1),
        ("int | None", None, "x"),
        ("tuple[int, ...]", [1, 2], 3),
        ("Literal['a', 'b']", "a", "c"),
    ],
)
def test_a_new_parameter_is_checked_by_its_annotation(annotation, good, bad):
    assert kind_of(annotation).accepts(good)
    assert not kind_of(annotation).accepts(bad)


def test_what_is_not_there_is_named():
    with pytest.raises(LookupError, match="expected a function nothing in"):
        arguments("mixlib.methods.cutmix", "nothing")
