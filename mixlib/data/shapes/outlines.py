"""Outlines, surfaces and marks of the classes of the generated world.

All functions are pure NumPy on the object's own coordinates u, v (float32 arrays of one shape; the
object's outline lies within about the unit circle) and return arrays of that shape. Ten entries in
each table, one per class; `mixlib.data.shapes.scenes` decides which of a class's entries an image
shows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.floating[Any]]
"""Real numbers, float32 wherever an array is large."""


def _star(u: Field, v: Field) -> Field:
    angle = np.arctan2(v, u) * np.float32(5 / (2 * np.pi))
    spike = np.abs(angle - np.round(angle)) * 2  # 0 on a tip's ray, 1 between two tips
    return np.hypot(u, v) - (1.02 - 0.6 * spike)


def _cross(u: Field, v: Field) -> Field:
    upright = np.maximum(np.abs(u) - 0.3, np.abs(v) - 0.95)
    lying = np.maximum(np.abs(u) - 0.95, np.abs(v) - 0.3)
    return np.minimum(upright, lying)


def _heart(u: Field, v: Field) -> Field:
    lobes = np.hypot(np.abs(u) - 0.42, v + 0.32) - 0.52
    tip = np.maximum(np.abs(u) * 0.78 + v * 0.62 - 0.54, -v - 0.32)
    return np.minimum(lobes, tip)


def _drop(u: Field, v: Field) -> Field:
    body = np.hypot(u, v - 0.32) - 0.62
    tip = np.maximum(np.abs(u) * 0.87 - (v + 1.0) * 0.42, v - 0.1)
    return np.minimum(body, tip)


def _gear(u: Field, v: Field) -> Field:
    teeth = np.tanh(4 * np.sin(8 * np.arctan2(v, u)))
    radius = np.hypot(u, v)
    return np.maximum(radius - (0.82 + 0.13 * teeth), 0.22 - radius)


def _kite(u: Field, v: Field) -> Field:
    slope = np.where(v < -0.2, 0.85, 0.52)
    return np.abs(u) * 0.85 + np.abs(v + 0.2) * slope - 0.62


OUTLINES: dict[str, Callable[[Field, Field], Field]] = {
    "ring": lambda u, v: np.abs(np.hypot(u, v) - 0.66) - 0.29,
    "star": _star,
    "cross": _cross,
    "crescent": lambda u, v: np.maximum(np.hypot(u, v) - 0.96, 0.72 - np.hypot(u - 0.5, v)),
    "heart": _heart,
    "drop": _drop,
    "gear": _gear,
    "leaf": lambda u, v: np.hypot(np.abs(u) + 0.62, v) - 1.16,
    "kite": _kite,
    "hourglass": lambda u, v: np.maximum(np.abs(u) - 0.16 - 0.62 * np.abs(v), np.abs(v) - 0.9),
}
"""Name -> signed field: negative inside, zero on the outline, slope about one at the edge."""


def blob(u: Field, v: Field, phases: NDArray[np.float64]) -> Field:
    """The outline of an object that hides its class: a smooth closed curve, from three random
    phases in [0, 1).
    """
    angle = np.arctan2(v, u)
    turn = 2 * np.pi * phases
    wobble = 0.11 * np.sin(2 * angle + turn[0]) + 0.08 * np.sin(3 * angle + turn[1])
    return np.hypot(u, v) - (0.76 + wobble + 0.04 * np.sin(5 * angle + turn[2])).astype(np.float32)


def _square(wave: Field) -> Field:
    return 0.5 + 0.5 * np.tanh(3 * wave)


def _dots(u: Field, v: Field) -> Field:
    row = np.round(v * 2.6)
    across = u * 2.6 + 0.5 * (row % 2)
    return _square(1.1 - 3.6 * np.hypot(across - np.round(across), v * 2.6 - row))


def _bricks(u: Field, v: Field) -> Field:
    row = np.floor(v * 3.2)
    along = u * 1.9 + 0.5 * (row % 2)
    joint = np.minimum(
        np.abs(along - np.round(along)) / 1.9, np.abs(v * 3.2 - np.round(v * 3.2)) / 3.2
    )
    return np.clip(joint * 16 - 0.3, 0, 1)


def _scales(u: Field, v: Field) -> Field:
    row = np.floor(v * 2.8)
    across = u * 2.2 + 0.5 * (row % 2)
    return np.clip(1.35 - 1.5 * np.hypot(across - np.round(across), v * 2.8 - row), 0, 1)


SURFACES: tuple[Callable[[Field, Field], Field], ...] = (
    lambda u, v: _square(np.sin(10.5 * u)),  # stripes
    lambda u, v: _square(np.sin(11.5 * np.hypot(u, v))),  # rings
    lambda u, v: _square(1.6 * np.sin(7.5 * u) * np.sin(7.5 * v)),  # checks
    _dots,
    lambda u, v: _square(np.sin(9 * v + 2.6 * np.abs((2.2 * u) % 2 - 1))),  # zigzag
    lambda u, v: _square(np.sin(7 * np.arctan2(v, u))),  # spokes
    _bricks,
    lambda u, v: 0.5 + 0.5 * np.sin(8 * u + 2.2 * np.sin(5 * v)),  # waves
    lambda u, v: np.maximum(np.abs(np.sin(6.5 * u)), np.abs(np.sin(6.5 * v))) ** 9,  # lattice
    _scales,
)
"""Class -> tone in [0, 1]: 0 paints the object's first color, 1 its second."""


def plain(u: Field, v: Field, phases: NDArray[np.float64]) -> Field:
    """The surface of an object that hides its class: a soft mottle, from three random phases in [0,
    1).
    """
    turn = (2 * np.pi * phases).astype(np.float32)
    return 0.4 + 0.3 * np.sin(2.3 * u + turn[0]) * np.sin(
        2.9 * v + turn[1] + np.sin(1.7 * u + turn[2])
    )


def _bar(u: Field, v: Field) -> Field:
    return np.maximum(np.abs(u) - 1.0, np.abs(v) - 0.36)


def _three(u: Field, v: Field) -> Field:
    pair = np.hypot(np.abs(u) - 0.55, v - 0.4) - 0.42
    return np.minimum(pair, np.hypot(u, v + 0.5) - 0.42)


MARKS: tuple[Callable[[Field, Field], Field], ...] = (
    lambda u, v: np.hypot(u, v) - 0.8,  # disc
    lambda u, v: np.abs(np.hypot(u, v) - 0.68) - 0.26,  # ring
    _bar,
    _three,
    lambda u, v: np.minimum(_bar(u, v), _bar(v, u)),  # plus
)
"""Signed field of a small mark; class c shows mark c % 5, light for c < 5 and dark otherwise."""
