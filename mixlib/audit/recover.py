"""Masks, partners and boxes, read off the outputs of one-hot batches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mixlib.audit.probe import Trial

VISIBLE = 1e-5
Scope = Literal["batch", "pair", "sample"]


@dataclass(frozen=True)
class Draws:
    """Rows of a trial that were drawn separately, in the order of the calls.

    Attributes:
        call, row: [n], where each comes from.
        share: [n], the own image's share of the pixels.
        weight: [n], its share of the label.
        mask: [n, h, w], weight of the own image at each pixel.
        visible: [n], whether anything was mixed that can be seen.
        flat: [n], visible with one weight for all pixels.
        box: [n], visible with a full rectangle without any of the own image.
        edges: [n, 4], top, bottom, left, right (ends exclusive) of what is not all own; zeros where
            there is nothing.
    """

    call: np.ndarray
    row: np.ndarray
    share: np.ndarray
    weight: np.ndarray
    mask: np.ndarray
    visible: np.ndarray
    flat: np.ndarray
    box: np.ndarray
    edges: np.ndarray

    @property
    def shaped(self) -> np.ndarray:
        """[n], visible and not flat."""
        return self.visible & ~self.flat

    def offset(self) -> np.ndarray:
        """Center of mass of the partner's part from the middle of the image, in pixels (down,
        right): [n, 2], NaN where there is no partner."""
        other = 1 - self.mask
        mass = other.sum((1, 2))
        height, width = other.shape[1:]
        down = np.arange(height) - (height - 1) / 2
        right = np.arange(width) - (width - 1) / 2
        moments = np.stack([other.sum(2) @ down, other.sum(1) @ right], axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(mass[:, None] > 1e-6, moments / mass[:, None], np.nan)


def draws(trial: Trial) -> Draws:
    """The kept rows of a trial as separate draws."""
    calls, kept = trial.rows.shape
    call = np.repeat(np.arange(calls), kept)
    row = trial.rows.reshape(-1)
    mask = trial.masks.reshape(calls * kept, *trial.masks.shape[2:])
    share = trial.pixels[call, row, row].astype(np.float64)
    small = max(trial.tolerance / 1.5, VISIBLE) if trial.scale == 255 else VISIBLE
    low, high = mask.min((1, 2)), mask.max((1, 2))
    visible = low < 1 - small
    flat = visible & (high - low < max(small, 2e-4 if trial.setup.texture else 0))
    edges, full = rectangles(mask)
    box = visible & full & ((high > 1 - 1e-3) | (high < 1e-3))
    # a box over the whole image and a partner's weight of one look alike: what the others are
    whole = flat & box
    if box[~whole].sum() > flat[~whole].sum():
        flat = flat & ~whole
    else:
        box = box & ~whole
    weight = trial.weights[call, row, row]
    return Draws(call, row, share, weight, mask, visible, flat, box, edges)


def rectangles(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bounding boxes of what is not all own, and whether they hold nothing of the own image.

    Args:
        mask: [n, h, w], weight of the own image.

    Returns:
        edges int [n, 4] (top, bottom, left, right; ends exclusive) and full bool [n].
    """
    other = mask < 0.999
    rows, columns = np.any(other, axis=2), np.any(other, axis=1)
    edges = np.stack(
        [
            rows.argmax(1),
            mask.shape[1] - rows[:, ::-1].argmax(1),
            columns.argmax(1),
            mask.shape[2] - columns[:, ::-1].argmax(1),
        ],
        axis=1,
    )
    area = (edges[:, 1] - edges[:, 0]) * (edges[:, 3] - edges[:, 2])
    something = np.any(rows, axis=1)
    full = something & ((mask < 0.001).sum((1, 2)) == area)
    return edges * something[:, None], full


def scope_of(trial: Trial) -> Scope:
    """For whom lambda and the mask are drawn, from a trial that kept every row.

    "batch": all rows that are visibly mixed have one mask; "pair": rows and their partners do;
    "sample" otherwise.
    """
    masks, pixels = trial.masks, trial.pixels
    calls, batch = pixels.shape[:2]
    visible = pixels[:, np.arange(batch), np.arange(batch)] < 1 - 10 * VISIBLE
    partner = partners(pixels)
    alike = paired = True
    for number in range(calls):
        rows = np.flatnonzero(visible[number])
        if len(rows) < 2:
            continue
        found = masks[number][rows]
        alike &= bool(np.allclose(found, found[:1], atol=max(1e-4, trial.tolerance)))
        mates = partner[number][rows]
        mutual = (mates >= 0) & visible[number][np.maximum(mates, 0)]
        near = np.abs(masks[number][rows] - masks[number][np.maximum(mates, 0)]).max((1, 2))
        paired &= bool(mutual.all() and (near < max(1e-4, trial.tolerance)).all())
    return "batch" if alike else "pair" if paired else "sample"


def partners(pixels: np.ndarray) -> np.ndarray:
    """The other source with the largest share, -1 where there is none.

    Args:
        pixels: [n, B, B], shares by source.

    Returns:
        int [n, B].
    """
    others = pixels.copy()
    index = np.arange(pixels.shape[1])
    others[:, index, index] = 0
    best = others.argmax(2)
    return np.where(others.max(2) > VISIBLE, best, -1)


def separate_rows(scope: Scope, pilot: Trial) -> Callable[[np.ndarray], np.ndarray] | None:
    """Rows of one output that are draws of their own, as a function of its shares [B, B].

    Args:
        scope: for whom is drawn.
        pilot: a trial that kept every row.
    """
    if scope == "sample":
        return None
    if scope == "batch":
        return _first_visible
    mates = partners(pilot.pixels)
    usual = np.array([np.bincount(column[column >= 0], minlength=1).argmax() for column in mates.T])
    index = np.arange(len(usual))
    if bool((usual[usual] == index).all()) and bool((usual != index).all()):
        lower = np.flatnonzero(index < usual)
        return lambda pixels: lower
    return _first_visible


def _first_visible(pixels: np.ndarray) -> np.ndarray:
    own = pixels.diagonal()
    return np.array([int((own < 1 - VISIBLE).argmax())])
