"""What value has a hyper-parameter at step t?  Every schedule is one float64 array over all steps,
made before training.

An array can be plotted, tested and resumed from anywhere; nothing in the loop keeps a counter of
its own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def cosine(steps: int, high: float, low: float = 0.0, *, warmup: int = 0, hold: int = 1) -> Array:
    """Linear warm-up to ``high``, then half a cosine down to ``low``.

    Args:
        steps: number of steps.
        high: value after the warm-up.
        low: value that the last step would be followed by.
        warmup: steps of linear warm-up, from high / warmup.
        hold: steps for which the value stays (steps per epoch for a schedule "by epoch", as the
            AutoMix release has for its ResNets; 1 for a schedule by step).
    """
    t = np.arange(steps, dtype=np.float64)
    held = np.floor(t / hold) * hold
    span = max(steps - warmup, 1)
    values = low + (high - low) * (1 + np.cos(np.pi * np.clip((held - warmup) / span, 0, 1))) / 2
    return np.where(t < warmup, high * (t + 1) / max(warmup, 1), values)


def constant(steps: int, value: float) -> Array:
    """The same value throughout."""
    return np.full(steps, value, dtype=np.float64)


def linear(steps: int, start: float, end: float) -> Array:
    """A straight line from ``start`` at step 0 towards ``end``, reached after the last step."""
    return start + (end - start) * np.arange(steps, dtype=np.float64) / max(steps, 1)


def multistep(
    steps: int, base: float, milestones: tuple[int, ...], gamma: float, warmup: int = 0
) -> Array:
    """``base`` times ``gamma`` per milestone passed, with a linear warm-up."""
    t = np.arange(steps)
    passed = np.searchsorted(np.asarray(milestones, dtype=np.int64), t, side="right")
    values = np.where(t < warmup, base * (t + 1) / max(warmup, 1), base * gamma**passed)
    return values.astype(np.float64)
