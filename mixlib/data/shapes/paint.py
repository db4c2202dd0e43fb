"""Painting of the scenery and the objects of the generated world.

Functions paint into float32 color arrays [H, W, 3] in [0, 1], in place, and draw from the given
NumPy generator in a fixed order. An object is painted only inside its own window, which keeps a
scene of many small objects cheap.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixlib.data.shapes.outlines import MARKS, OUTLINES, SURFACES, Field, blob, plain

_OUTLINES = tuple(OUTLINES.values())
Window = tuple[slice, slice]


@dataclass(frozen=True)
class Look:
    """Which class's outline, surface, hue and mark an object shows; None hides that cue."""

    outline: int | None
    surface: int | None
    hue: int | None
    mark: int | None


def _color(rng: np.random.Generator, hue: float, saturation: float, value: float) -> Field:
    """float32[3] near the given hue (turns), saturation and value."""
    s = min(1.0, saturation * rng.uniform(0.8, 1.2))
    v = min(1.0, value * rng.uniform(0.85, 1.15))
    return np.array(colorsys.hsv_to_rgb(hue % 1.0, s, v), np.float32)


def _clouds(rng: np.random.Generator, size: int, cells: int) -> Field:
    """Smooth noise float32[size, size] in [0, 1]: a grid of cells x cells random values,
    interpolated.
    """
    grid = rng.random((cells + 1, cells + 1)).astype(np.float32)
    place = (np.arange(size, dtype=np.float32) + 0.5) * (cells / size)
    low = np.minimum(place.astype(np.int64), cells - 1)
    share = place - low
    share = share * share * (3 - 2 * share)  # smoothstep hides the grid's creases
    weights = np.zeros((size, cells + 1), np.float32)
    weights[np.arange(size), low] = 1 - share
    weights[np.arange(size), low + 1] = share
    return weights @ grid @ weights.T


def paint_scenery(rng: np.random.Generator, size: int, kind: int) -> Field:
    """A background float32[size, size, 3]: clouds in three colors, waves and clutter, in the
    manner of class `kind`.

    The manner is the palette and the direction of the waves.
    """
    hue = 0.1 * ((kind * 3) % 10) + rng.normal(0, 0.03)
    tones = [
        _color(rng, hue + shift, 0.45, value)
        for shift, value in ((0, 0.45), (rng.uniform(-0.12, 0.12), 0.75), (rng.random(), 0.6))
    ]
    coarse, fine = _clouds(rng, size, 3), _clouds(rng, size, 9)
    mixed = tones[0] + coarse[..., None] * (tones[1] - tones[0])
    mixed += np.clip(fine * 2.4 - 1.2, 0, 1)[..., None] * (tones[2] - mixed)
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size
    turn = np.pi * ((kind * 7) % 10) / 10 + rng.normal(0, 0.08)
    wave = np.sin(
        2 * np.pi * (rng.uniform(4, 7) * (x * np.cos(turn) + y * np.sin(turn)) + rng.random())
        + 3 * coarse
    )
    mixed *= (1 + 0.16 * wave * _clouds(rng, size, 4))[..., None].astype(np.float32)
    for _ in range(int(rng.integers(3, 8))):
        _clutter(mixed, x, y, rng)
    return mixed


def _clutter(colors: Field, x: Field, y: Field, rng: np.random.Generator) -> None:
    """Paint one half-transparent band, disc or slab on the scenery, in place."""
    a, b, turn = rng.random(3) * (1, 1, np.pi)
    cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    along, across = (x - a) * cos + (y - b) * sin, (y - b) * cos - (x - a) * sin
    kind = rng.integers(3)
    if kind == 0:
        distance = np.abs(across) - rng.uniform(0.01, 0.04)
    elif kind == 1:
        distance = np.abs(np.hypot(along, across) - rng.uniform(0.05, 0.25)) - rng.uniform(
            0.01, 0.05
        )
    else:
        distance = np.maximum(
            np.abs(along) - rng.uniform(0.05, 0.3), np.abs(across) - rng.uniform(0.03, 0.1)
        )
    cover = np.clip(0.5 - distance * x.shape[0], 0, 1).astype(np.float32) * rng.uniform(0.4, 0.9)
    color = _color(rng, rng.random(), rng.uniform(0.1, 0.7), rng.uniform(0.25, 0.95))
    colors += cover[..., None].astype(np.float32) * (color - colors)


def paint_object(
    colors: Field, rng: np.random.Generator, look: Look, x: float, y: float, radius: float
) -> tuple[Window, Field]:
    """Paint an object with center (x, y) and the given radius in pixels, and a soft shadow below
    it.

    Hidden cues are replaced by what no class owns: a blob, a mottle, a random hue, no mark.

    Returns:
        The window (rows, columns) that holds the object, and its cover float32 in [0, 1] there. The
        window is cut at the frame.
    """
    size = colors.shape[0]
    reach = 1.25 * radius + 2
    spans = [(max(0, int(c - reach)), min(size, int(c + reach) + 1)) for c in (y, x)]
    window = (slice(*spans[0]), slice(*spans[1]))
    rows, columns = (np.arange(*span, dtype=np.float32) + np.float32(0.5) for span in spans)
    u, v = _own_coordinates(rng, rows, columns, x, y, radius)
    phases = rng.random(6)
    outline = blob(u, v, phases[:3]) if look.outline is None else _OUTLINES[look.outline](u, v)
    cover = np.clip(0.5 - outline * radius, 0, 1).astype(np.float32)
    patch = colors[window]
    patch *= 1 - 0.45 * np.clip(0.6 - 2.5 * outline, 0, 1)[..., None] * (1 - cover[..., None])
    skin = _skin(rng, look, u, v, phases[3:])
    _mark(skin, rng, look.mark, u, v, radius)
    # Light from the upper left, darker towards the rim: the objects look round and their edges
    # differ.
    light = 1.08 + 0.16 * ((x - columns)[None, :] + (y - rows)[:, None]) / radius
    light = light - 0.28 * np.clip(1 + 3.2 * outline, 0, 1) ** 2
    skin *= light[..., None]
    patch += cover[..., None] * (skin - patch)
    return window, cover


def _own_coordinates(
    rng: np.random.Generator, rows: Field, columns: Field, x: float, y: float, radius: float
) -> tuple[Field, Field]:
    """Coordinates u, v of the pixels in the object's frame: turned by up to 29 degrees, squeezed,
    perhaps mirrored.
    """
    turn, squeeze, shear = rng.uniform(-0.5, 0.5), rng.uniform(0.85, 1.0), rng.uniform(-0.12, 0.12)
    mirror = 1 if rng.random() < 0.5 else -1
    right = (columns - np.float32(x))[None, :] / np.float32(radius)
    down = (rows - np.float32(y))[:, None] / np.float32(radius)
    cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    u = (right * cos + down * sin) * np.float32(mirror / squeeze)
    v = down * cos - right * sin
    return (u + np.float32(shear) * v).astype(np.float32), v


def _skin(
    rng: np.random.Generator, look: Look, u: Field, v: Field, phases: NDArray[np.float64]
) -> Field:
    """Colors float32[h, w, 3] of the object's surface: two tones of one hue."""
    hue = rng.random() if look.hue is None else 0.1 * look.hue + rng.normal(0, 0.015)
    dark, bright = _color(rng, hue, 0.75, 0.4), _color(rng, hue + 0.04, 0.55, 0.92)
    if look.surface is None:
        tone = plain(u, v, phases)
    else:
        pace = np.float32(rng.uniform(0.85, 1.2))
        tone = SURFACES[look.surface](u * pace, v * pace)
    return dark + np.asarray(tone, np.float32)[..., None] * (bright - dark)


def _mark(
    skin: Field, rng: np.random.Generator, mark: int | None, u: Field, v: Field, radius: float
) -> None:
    """Paint a small mark of class `mark` somewhere on the object, in place; it is a quarter of the
    object's size.
    """
    a, b = rng.uniform(-0.4, 0.4, 2)
    scale = rng.uniform(0.22, 0.28)
    if mark is None:
        return
    distance = MARKS[mark % len(MARKS)]((u - a) / scale, (v - b) / scale)
    cover = np.clip(0.5 - distance * radius * scale, 0, 1)[..., None].astype(np.float32)
    tone = np.float32(0.97 if mark < len(MARKS) else 0.06)
    skin += cover * (tone - skin)


def finish(colors: Field, rng: np.random.Generator, noise: float) -> NDArray[np.uint8]:
    """The camera: random exposure, contrast and pixel noise; float32[H, W, 3] -> uint8[H, W, 3]."""
    exposure, contrast = rng.uniform(0.85, 1.15), rng.uniform(0.8, 1.1)
    seen = (colors * exposure - 0.5) * contrast + 0.5
    seen = 255 * seen + noise * rng.standard_normal(seen.shape, dtype=np.float32)
    return np.clip(seen + 0.5, 0, 255).astype(np.uint8)
