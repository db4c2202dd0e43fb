"""The cost table: what is counted is right; times are only asked to be there."""

from __future__ import annotations

import pytest

from benchmarks.automix_step import Setting, measure, quartiles, table


def test_operations_and_memory_of_a_step():
    setting = Setting("cpu", 2, bf16=False, channels_last=False, compiled=False)
    costs = measure(setting, ["vanilla", "paper", "lean"], rounds=1)
    # forward 1, backward 2: 8.76 / 3, 4.76 / 3, and the Mix Block
    for method, ratio in (
        ("vanilla", 1),
        ("paper", 2.93),
        ("lean", 1.59),
    ):
        assert costs[method].flop_ratio == pytest.approx(ratio, abs=0.01)
        assert costs[method].seconds > 0
    assert costs["vanilla"].peak_mib < costs["paper"].peak_mib < 4 * costs["vanilla"].peak_mib
    assert "| paper |" in table(costs, setting, 1)


def test_quartiles_say_how_far_a_ratio_scatters():
    assert quartiles([2.9]) == (2.9, 2.9)
    assert quartiles([5.0, 1.0, 3.0, 2.0, 4.0]) == (2.0, 4.0)
