"""Speeds compared on a busy machine: contenders alternate in one process, its CPU time is counted,
and ratios are taken within a round."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Mapping

Call = Callable[[], object]
LEAST = 2e-3  # seconds of work between two looks at the clock, whose tick is a microsecond


def calls_per_look(call: Call) -> int:
    """How often to call between two looks at the clock."""
    call()
    before = time.process_time()
    call()
    return max(1, int(LEAST / max(time.process_time() - before, 1e-7)))


def alternate(calls: Mapping[str, Call], rounds: int) -> dict[str, float]:
    """Median CPU seconds per call of every contender, all of them once a round in a new order."""
    looks = {name: calls_per_look(call) for name, call in calls.items()}
    times: dict[str, list[float]] = {name: [] for name in calls}
    shuffled = random.Random(0)
    for _ in range(rounds):
        for name in shuffled.sample(list(calls), len(calls)):
            call, count = calls[name], looks[name]
            call()  # what it needs is in the cache again
            before = time.process_time()
            for _ in range(count):
                call()
            times[name].append((time.process_time() - before) / count)
    return {name: statistics.median(seconds) for name, seconds in times.items()}
