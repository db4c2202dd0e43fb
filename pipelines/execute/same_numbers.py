"""What a run that is resumed or repeated gives again: the numbers of a result without those of the
machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MEASURED = ("step_ms", "images_per_second")
"""Metrics of the machine, which no other run repeats."""


def numbers(result: Mapping[str, Any]) -> dict[str, Any]:
    """Metrics and history of a result without what the machine had a part in.

    Example:
        >>> numbers({"metrics": {"top1": 50.0, "step_ms": 3.1}, "history": [], "seconds": 9.0})
        {'metrics': {'top1': 50.0}, 'history': []}
    """
    metrics = {k: v for k, v in result["metrics"].items() if k not in MEASURED}
    return {"metrics": metrics, "history": result["history"]}
