"""The outcome of a job: what its executor measured and which files belong to the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """What a job measured.

    Attributes:
        metrics: name -> number, what tables read.
        history: rows of measurements along the way.
        seconds: time spent in the work proper, over all attempts.
        keep: names of files in the working folder that belong to the result.
        more: anything else worth keeping (images per second, per-class numbers ...).

    Example:
        >>> Outcome({"top1": 93.1}, history=[], seconds=12.5).metrics["top1"]
        93.1
    """

    metrics: Mapping[str, float]
    history: list[dict[str, float]]
    seconds: float
    keep: tuple[str, ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)
