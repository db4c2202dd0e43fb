"""The outcome of a job: what its executor measured and which files belong to the result."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """What a job measured.

    Attributes:
        metrics: name -> number, what tables read; one that is not finite says that the job
            diverged.
        history: rows of measurements along the way.
        seconds: time spent in the work proper, over all attempts.
        keep: names of files in the working folder that belong to the result.
        more: anything else worth keeping (images per second, per-class numbers ...).
        diverged: how the work ended early, where it did ("epoch 3: the loss is not finite").

    Example:
        >>> Outcome({"top1": 93.1}, history=[], seconds=12.5).metrics["top1"]
        93.1
    """

    metrics: Mapping[str, float]
    history: list[dict[str, float]]
    seconds: float
    keep: tuple[str, ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)
    diverged: str | None = None

    def divergence(self) -> str | None:
        """One line about what is not finite; None where everything is."""
        if self.diverged is not None:
            return self.diverged
        lost = sorted(name for name, value in self.metrics.items() if not math.isfinite(value))
        for row in self.history:
            names = [n for n, v in row.items() if isinstance(v, float) and not math.isfinite(v)]
            if names and lost:
                epoch = f"epoch {row['epoch']:g}: " if "epoch" in row else ""
                return f"{epoch}{', '.join(names)} not finite"
        return f"{', '.join(lost)} not finite" if lost else None


def diverged(metrics: tuple[str, ...], reason: str, seconds: float) -> Outcome:
    """The outcome of work that ended before there was anything to measure.

    Example:
        >>> diverged(("top1",), "epoch 1: the loss is not finite", 3.0).divergence()
        'epoch 1: the loss is not finite'
    """
    return Outcome(dict.fromkeys(metrics, math.nan), [], seconds, diverged=reason)
