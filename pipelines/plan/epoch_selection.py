"""Epoch selection: which epochs' accuracy a run reports (AutoMix 4.1: the median of the last
ten)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median


def _median_last_10(values: list[float]) -> float:
    return median(values[-10:])


def _last(values: list[float]) -> float:
    return values[-1]


def _best(values: list[float]) -> float:
    return max(values)


EPOCH_RULES: dict[str, Callable[[list[float]], float]] = {
    "median_last_10": _median_last_10,
    "last": _last,
    "best": _best,
}
"""The rules by the word of a declaration (its field ``pick``): accuracies by epoch -> one."""


def select_epochs(rule: str, history: Sequence[dict[str, float]]) -> dict[str, float]:
    """Top-1 and top-5 (percent) by the rule, and the last evaluated loss.

    Args:
        rule: a key of :data:`EPOCH_RULES`.
        history: one row an epoch; those without "top1" were not evaluated.

    Raises:
        ValueError: no epoch was evaluated.

    Example:
        >>> rows = [{"epoch": 1.0, "top1": 50.0, "top5": 90.0, "test_loss": 1.2}]
        >>> select_epochs("last", rows)
        {'top1': 50.0, 'top5': 90.0, 'test_loss': 1.2, 'epochs': 1.0}
    """
    rows = [row for row in history if "top1" in row]
    if not rows:
        raise ValueError("expected at least one evaluated epoch, found none")
    chosen = {name: EPOCH_RULES[rule]([row[name] for row in rows]) for name in ("top1", "top5")}
    return {**chosen, "test_loss": rows[-1]["test_loss"], "epochs": rows[-1]["epoch"]}
