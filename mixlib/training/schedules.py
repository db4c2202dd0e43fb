"""Learning-rate schedules: one float64 array over all steps, made before training.

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

    Example:
        >>> cosine(4, 1.0, warmup=2).round(3).tolist()
        [0.5, 1.0, 1.0, 0.5]
    """
    t = np.arange(steps, dtype=np.float64)
    held = np.floor(t / hold) * hold
    span = max(steps - warmup, 1)
    values = low + (high - low) * (1 + np.cos(np.pi * np.clip((held - warmup) / span, 0, 1))) / 2
    return np.where(t < warmup, high * (t + 1) / max(warmup, 1), values)
