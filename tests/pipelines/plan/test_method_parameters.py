"""Parameters of methods: read from sources, the same as Python sees them."""

from __future__ import annotations

import inspect

import pytest

from mixlib.catalog.methods import METHODS
from mixlib.core.hyperparameters import same
from mixlib.core.method import GIVEN, Method, resolve
from pipelines.declare.method_schema import SETTINGS_OF
from pipelines.plan.method_parameters import NETWORKS, arguments, kind_of, parameters


@pytest.mark.parametrize("name", [name for name in METHODS if name not in SETTINGS_OF])
def test_the_source_says_what_the_constructor_takes(name):
    row = METHODS[name]
    module, _, function = row.path().partition(":")
    names = [argument for argument, _ in arguments(module, function)]
    assert names == list(inspect.signature(resolve(row.path())).parameters)
    extra = {"pipeline", "momentum"} if row.objective == "once" else set()
    extra |= set(row.rule_params)
    extra |= {"released"} if row.released is not None else set()
    assert parameters(row).keys() == (set(names) - {*GIVEN, *NETWORKS}) | extra


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
        ("Annotated[float, Range(above=0.0)]", 0.1, 0.0),
        ("Annotated[float, Range(0.0, 1.0)]", 1.0, 1.5),
        ("Annotated[int, Range(low=1, high=3)]", 3, 4),
        ("Annotated[int, Range(above=1)] | None", 2, 1),
    ],
)
def test_a_new_parameter_is_checked_by_its_annotation(annotation, good, bad):
    assert kind_of(annotation).accepts(good)
    assert not kind_of(annotation).accepts(bad)


OWN = """
from typing import Annotated, Literal

from mixlib.core.arguments import Positive, Range, Share
from mixlib.core.policy import Scope

Star = Literal["star", "moon"]


def starmix(
    depth: Share = 0.5, mask: Star = "star", weight: Positive = 1.0, prob: float = 2.0,
    scope: Scope = "sample", rays: Annotated[int, Range(low=3)] = 5,
): ...
"""


def test_parameters_of_a_new_file_are_what_it_says_whatever_others_call_so(tmp_path, monkeypatch):
    (tmp_path / "starmix.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))
    row = Method("starmix", "StarMix", "starmix", "own", 2026, same(), module="starmix")
    known = parameters(row)
    good = {"depth": 1, "mask": "moon", "weight": 2000.0, "prob": 7.5, "scope": "batch", "rays": 3}
    bad = {"depth": 7.5, "mask": "block", "weight": 0.0, "prob": "x", "scope": "all", "rays": 2}
    assert good.keys() <= known.keys()
    for name, value in good.items():
        assert known[name].accepts(value), name
        assert not known[name].accepts(bad[name]), name


def test_words_of_a_library_method_are_its_own_alone():
    assert not parameters(METHODS["stochastic"])["mode"].accepts("nearest")
    assert parameters(METHODS["resizemix"])["mode"].accepts("nearest")


def test_what_is_not_there_is_named():
    with pytest.raises(LookupError, match="expected a function nothing in"):
        arguments("mixlib.methods.cutmix", "nothing")
