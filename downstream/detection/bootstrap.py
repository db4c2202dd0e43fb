"""Bootstrap intervals over images of average precision (Efron, 1979; percentile method).

A resampled test set holds each image as often as it was drawn. Copies of an image neither change
its own matches nor the order of the scores, so a resample is the same matches with counts as
weights, and nothing is matched again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from downstream.detection.matches import IOUS, Matches
from downstream.detection.settings import AP_RULES
from mixlib.seed import derive

ENTRIES = 4_000_000
"""Largest number of weights [resamples, detections] in memory at once."""
VOC_RECALLS = np.arange(0.0, 1.1, 0.1)
COCO_RECALLS = np.linspace(0.0, 1.0, 101)
COLUMNS = {"AP": range(len(IOUS)), "AP50": (0,), "AP75": (IOUS.index(0.75),)}
"""Metrics by name, and the overlaps that each averages over."""


@dataclass(frozen=True)
class Interval:
    """A metric in percent, and the bounds of its interval."""

    value: float
    low: float
    high: float


def average_precision_intervals(
    matches: Sequence[Matches],
    rule: str,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Mapping[str, Interval]:
    """Intervals of AP, AP50 and AP75 by one rule.

    Args:
        matches: by class, all over the same images.
        rule: "voc2007" (11 recalls), "voc2012" (area) or "coco" (101 recalls). The matches are
            made by the same one.
        resamples: test sets drawn with replacement, each of as many images.
        level: share of the resamples inside the interval.
        seed: decides the resamples.

    Returns:
        Metric -> interval; a class without an object in a resample is left out of its mean.

    Raises:
        ValueError: an unknown rule, no class, or a level or number that cannot be used.
    """
    if rule not in AP_RULES:
        raise ValueError(f"expected a rule among {', '.join(AP_RULES)}, found {rule!r}")
    if not matches or not 0 < level < 1 or resamples < 1:
        raise ValueError(
            f"expected at least one class and resample and a level between 0 and 1, found "
            f"{len(matches)} classes, {resamples} resamples and level {level}"
        )
    images = len(matches[0].objects)
    rng = np.random.default_rng(derive(seed, "bootstrap"))
    drawn = rng.multinomial(images, np.full(images, 1 / images), resamples)
    whole = np.ones((1, images), np.int64)
    tables = [weighted_precision(matches, rule, weights) for weights in (whole, drawn)]
    edges = 50 * (1 - level), 50 * (1 + level)
    found = {}
    for name, columns in COLUMNS.items():
        value, spread = (
            100 * np.nanmean(table[:, :, list(columns)].mean(2), axis=0) for table in tables
        )
        low, high = np.percentile(spread, edges)
        found[name] = Interval(float(value[0]), float(low), float(high))
    return found


def weighted_precision(
    matches: Sequence[Matches], rule: str, weights: NDArray[np.integer]
) -> NDArray[np.float64]:
    """AP in [0, 1] of every class, resample and overlap: [K, R, T].

    NaN for a class without an object in the resample, but 0 for one that has none in the whole
    test set where the Pascal VOC rules report it so.

    Args:
        weights: how often each image was drawn [R, N].
    """
    table = np.zeros((len(matches), len(weights), len(IOUS)))
    for label, own in enumerate(matches):
        if not own.objects.any():
            table[label] = np.nan if rule == "coco" else 0.0
            continue
        step = max(1, ENTRIES // max(1, len(own.image)))
        for start in range(0, len(weights), step):
            part = weights[start : start + step]
            table[label, start : start + step] = _class_precision(own, rule, part)
    return table


def _class_precision(own: Matches, rule: str, weights: NDArray[np.integer]) -> NDArray[np.float64]:
    """AP of one class [R, T]; NaN for resamples without its objects."""
    objects = (weights @ own.objects).astype(np.float64)
    objects[objects == 0] = np.nan
    table = np.empty((len(weights), len(IOUS)))
    drawn = weights[:, own.image].astype(np.float64)
    for place in range(len(IOUS)):
        right = (drawn * own.hit[place]).cumsum(1)
        seen = (drawn * own.counted[place]).cumsum(1)
        precision = np.divide(right, seen, out=np.zeros_like(right), where=seen > 0)
        envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        recall = right / objects[:, None]
        table[:, place] = _mean_precision(recall, envelope, rule)
    table[np.isnan(objects)] = np.nan
    return table


def _mean_precision(
    recall: NDArray[np.float64], envelope: NDArray[np.float64], rule: str
) -> NDArray[np.float64]:
    """AP [R] of curves [R, D] by one rule."""
    if rule == "voc2012":
        return (np.diff(recall, prepend=0.0, axis=1) * envelope).sum(1)
    wanted = VOC_RECALLS if rule == "voc2007" else COCO_RECALLS
    asked = torch.from_numpy(np.broadcast_to(wanted, (len(recall), len(wanted))).copy())
    place = torch.searchsorted(
        torch.from_numpy(np.ascontiguousarray(np.nan_to_num(recall))), asked
    ).numpy()
    reached = np.pad(envelope, ((0, 0), (0, 1)))
    return np.take_along_axis(reached, place, 1).mean(1)
