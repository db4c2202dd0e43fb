"""Fields of a cell laid over each other: single values of what is nested, parameters with their
method."""

from __future__ import annotations

from pipelines.declare.mapping import Declared, origins, over

FIXED = Declared(
    {
        "method": "automix",
        "params": {"alpha": 2.0, "block": {"init": 1.0, "init_value": 0.4}},
        "changes": {"epochs": 30, "augmentation": {"flip": 0.5}},
    },
    {"method": "a.yaml:1"},
)


def test_nested_values_lie_over_each_other():
    row = {"params": {"block": {"init": 2.0}}, "changes": {"augmentation": {"crop": "none"}}}
    found = over(over(FIXED, row), {"params": {"alpha": 1.0}})
    assert found["params"] == {"alpha": 1.0, "block": {"init": 2.0, "init_value": 0.4}}
    assert found["changes"] == {"epochs": 30, "augmentation": {"flip": 0.5, "crop": "none"}}
    assert origins(found)["method"] == "a.yaml:1"


def test_what_was_declared_stays_as_it_is():
    before = {key: dict(value) for key, value in FIXED.items() if isinstance(value, dict)}
    over(FIXED, {"params": {"alpha": 1.0, "block": {"init": 3.0}}, "changes": {"epochs": 1}})
    assert {key: FIXED[key] for key in before} == before


def test_parameters_go_with_their_method():
    assert "params" not in over(FIXED, {"method": "mixup"})
    assert over(FIXED, {"method": "mixup", "params": {"alpha": 0.5}})["params"] == {"alpha": 0.5}
    same = over(FIXED, {"method": "automix", "params": {"alpha": 0.5}})["params"]
    assert same["block"] == {"init": 1.0, "init_value": 0.4}
    # what fixed names no method for belongs to whatever method a row has
    assert over({"params": {"alpha": 1.0}}, {"method": "mixup"})["params"] == {"alpha": 1.0}


def test_a_value_replaces_a_mapping_and_back():
    assert over({"changes": {"epochs": 3}}, {"changes": None})["changes"] is None
    assert over({"data": {"a": 1}}, {"data": {"b": 2}})["data"] == {"b": 2}
