"""Sides of the boxes of CutMix and HMix: which whole sides int((h, w) sqrt(r (1 - lambda)))
a law of lambda gives, and how often.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from mixlib.core.lam import LamLaw

from .lam import partial_moment

Odd = Literal["keep", "drop"]


# below this lambda, 1 - lambda is 1 in double precision: the side is the image's
ROUNDED = 2.0**-54


def sides_of(
    size: tuple[int, int], lam: LamLaw, ratio: float, odd: Odd
) -> Iterator[tuple[tuple[int, int], list[float]]]:
    """Every pair of integer sides that int((h, w) sqrt(r (1 - lambda))) can take, with E[lambda^p;
    these sides] for p = 0, 1, 2.  Sides of the same reach are put together."""
    edges = [
        threshold(k, n, ratio) for n in size for k in range(1, n + 1) if k * k <= ratio * n * n
    ]
    knots = np.unique([-1.0, *edges, 1.0])
    middle = np.maximum(knots[:-1], 0) / 2 + knots[1:] / 2
    grouped: dict[tuple[int, int], np.ndarray] = {}
    masses = np.stack([partial_moment(lam, p, knots[:-1], knots[1:]) for p in range(3)], axis=1)
    for lam_in, mass in zip(middle, masses, strict=True):
        cut = ratio**0.5 * (1 - lam_in) ** 0.5
        height, width = (int(n * cut) for n in size)
        key = (height, width) if odd == "keep" else (height - height % 2, width - width % 2)
        grouped[key] = grouped.get(key, 0) + mass
    for sides, mass in grouped.items():
        if mass[0] > 0:
            yield sides, mass.tolist()


def threshold(side: int, n: int, ratio: float) -> float:
    """Largest lambda at which a box has this side."""
    edge = 1 - side * side / (ratio * n * n)
    return edge if edge > 1e-12 else ROUNDED
