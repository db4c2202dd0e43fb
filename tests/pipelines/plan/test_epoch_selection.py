"""Which epochs count."""

from __future__ import annotations

import pytest

from pipelines.plan.epoch_selection import EPOCH_RULES, select_epochs

HISTORY = [
    {"epoch": e, "top1": float(e), "top5": 2.0 * e, "test_loss": 1.0 / e} for e in range(1, 21)
]


@pytest.mark.parametrize(
    ("rule", "top1"), [("median_last_10", 15.5), ("last", 20.0), ("best", 20.0)]
)
def test_rules(rule, top1):
    got = select_epochs(rule, HISTORY)
    assert got["top1"] == top1
    assert got["epochs"] == 20
    assert set(EPOCH_RULES) == {"median_last_10", "last", "best"}


def test_epochs_without_an_evaluation_do_not_count():
    mixed = [{"epoch": 1.0, "one": 2.0}, *HISTORY[:2]]
    assert select_epochs("median_last_10", mixed)["top1"] == 1.5
    with pytest.raises(ValueError, match="found none"):
        select_epochs("last", mixed[:1])
