"""Which epoch's number is reported?  The rules of the papers, over a run's history."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

Rows = Sequence[dict[str, float]]


def _median_last_10(values: list[float]) -> float:
    return median(values[-10:])


def _last(values: list[float]) -> float:
    return values[-1]


def _best(values: list[float]) -> float:
    return max(values)


# AutoMix 4.1: the median of top-1 in the last ten epochs, then the mean over trials
PICKS: dict[str, Callable[[list[float]], float]] = {
    "median_last_10": _median_last_10,
    "last": _last,
    "best": _best,
}


def pick(rule: str, history: Rows) -> dict[str, float]:
    """Top-1 and top-5 (percent) by the rule, and the last evaluated loss.

    Raises:
        ValueError: no epoch was evaluated.
    """
    rows = [row for row in history if "top1" in row]
    if not rows:
        raise ValueError("expected at least one evaluated epoch, found none")
    chosen = {name: PICKS[rule]([row[name] for row in rows]) for name in ("top1", "top5")}
    return {**chosen, "test_loss": rows[-1]["test_loss"], "epochs": rows[-1]["epoch"]}
