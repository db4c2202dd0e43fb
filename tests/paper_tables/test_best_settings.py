"""The best setting of a row: the rule of the protocol, and nothing before all runs are there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper_tables.best_settings import best_place, best_settings
from paper_tables.measure import Measured
from paper_tables.measured_runs import MeasuredRuns
from pipelines.declare import scale, table
from pipelines.declare.errors import DeclarationError

STUDY = """study: Which alpha?
seeds: 1
tables:
  alphas:
    rows: {method: [mixup, cutmix]}
    columns:
      - {label: low, set: {params: {alpha: 0.2}}}
      - {label: middle, set: {params: {alpha: 1.0}}}
      - {label: high, set: {params: {alpha: 2.0}}}
    fixed: {data: cifar10, backbone: resnet18_cifar, recipe: cifar}
"""


@pytest.fixture
def runs(tmp_path):
    """What was measured of the table; a function of the two rows' numbers."""
    path = tmp_path / "one.yaml"
    path.write_text(STUDY)
    found = table.load(path)["alphas"]

    def of(mixup, cutmix):
        columns = ("low", "middle", "high")
        numbers = {("Mixup", c): Measured((v,)) for c, v in zip(columns, mixup, strict=False)}
        numbers |= {("CutMix", c): Measured((v,)) for c, v in zip(columns, cutmix, strict=False)}
        return MeasuredRuns(found, scale.as_declared({"alphas": 1}), numbers, (), ())

    return of


def test_the_best_of_every_row_is_named(runs):
    found = best_settings(runs([50.0, 49.0, 51.0], [48.0, 48.0, 40.0]))
    assert found == {"Mixup": "high", "CutMix": "middle"}


def test_nothing_is_chosen_before_every_setting_was_run(runs):
    with pytest.raises(DeclarationError, match=r"alphas: CutMix: .* none of middle, high"):
        best_settings(runs([50.0, 49.0, 51.0], [48.0]))


@given(st.lists(st.integers(0, 3), min_size=1, max_size=7))
def test_no_other_is_better_and_of_equal_ones_none_is_nearer_to_the_middle(values):
    place, middle = best_place(values), (len(values) - 1) / 2
    assert values[place] == max(values)
    equal = [i for i, value in enumerate(values) if value == values[place]]
    assert abs(place - middle) == min(abs(i - middle) for i in equal)
    assert place == min(i for i in equal if abs(i - middle) == abs(place - middle))
