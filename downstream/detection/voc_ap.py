"""Average precision of detections by the Pascal VOC rules.

Everingham et al., IJCV 2010, section 4.2: a detection is right if its best-overlapping true box of
its class has IoU above the threshold and was not claimed by a better-scored one; difficult objects
count neither way. "voc2007" averages precision at 11 recalls, "voc2012" is the area below the
precision envelope. AP is the mean over IoU .50, .55, ..., .95, as Detectron2 reports it; AutoMix,
Table 7, quotes AP50 by the 2007 rule.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from downstream.detection.detections import checked_detections
from downstream.detection.matches import IOUS, Detected, Matches
from downstream.detection.readers import Records


def average_precision(hits: np.ndarray, objects: int, rule: str) -> float:
    """AP in [0, 1] of detections in descending score; hits [D] is 1 for a right one, else 0.

    `objects` is the number of true boxes to be found; with none, or no detection, AP is 0, as the
    reference reports it.
    """
    if not objects or not len(hits):
        return 0.0
    right = np.cumsum(hits)
    recall = right / objects
    precision = right / np.arange(1, len(hits) + 1)
    # Precision envelope: the best precision at this recall or any higher one.
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    if rule == "voc2007":
        reached = np.searchsorted(recall, np.arange(0.0, 1.1, 0.1), side="left")
        return float(sum(envelope[i] for i in reached if i < len(envelope)) / 11)
    steps = np.diff(recall, prepend=0.0)
    return float((steps * envelope).sum())


def _overlaps(boxes: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """IoU [D,G] of continuous boxes; equals VOC's +1 widths on 1-based inclusive corners."""
    low = np.maximum(boxes[:, None, :2], truth[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], truth[None, :, 2:])
    inside = (high - low).clip(min=0).prod(axis=-1)
    areas = [(b[:, 2:] - b[:, :2]).prod(axis=1) for b in (boxes, truth)]
    union = areas[0][:, None] + areas[1][None] - inside
    return np.divide(inside, union, out=np.zeros_like(inside), where=union > 0)


def _written(values: np.ndarray, decimals: int) -> np.ndarray:
    """Values as the VOC result files hold them; formatting rounds exactly, numpy.round does not."""
    texts = [f"{value:.{decimals}f}" for value in values.ravel().tolist()]
    return np.array(texts, dtype=np.float64).reshape(values.shape)


@dataclass(frozen=True, eq=False)
class _Overlapped:
    """Detections of one class in one image: score, overlap with the best object, which one that is
    (counted through all images), whether it is difficult."""

    image: int
    scores: np.ndarray
    best: np.ndarray
    claim: np.ndarray
    ignored: np.ndarray


def voc_matches(truth: Records, found: Sequence[Detected]) -> list[Matches]:
    """Detections matched by the Pascal VOC rules, by class.

    They are first rounded as the VOC result files are: boxes to .1 (from 1), scores to .001.

    Args:
        found: boxes, scores and labels of every image of ``truth``.

    Raises:
        DataError: see :func:`downstream.detection.detections.checked_detections`.
    """
    checked = checked_detections(truth, found)
    rows: list[list[_Overlapped]] = [[] for _ in truth.classes]
    objects = np.zeros((len(truth.classes), len(truth)), np.int64)
    claimed = [0] * len(truth.classes)
    corner = np.array([1.0, 1.0, 0.0, 0.0])
    for image, (item, (boxes, scores, labels)) in enumerate(zip(truth.items, checked, strict=True)):
        boxes = _written(np.asarray(boxes, np.float64).reshape(-1, 4) + corner, 1) - corner
        scores, labels = _written(np.asarray(scores, np.float64), 3), np.asarray(labels)
        for label in np.union1d(labels, item.labels).astype(int).tolist():
            ours, theirs = labels == label, item.labels == label
            difficult = item.difficult[theirs]
            objects[label, image] = int((~difficult).sum())
            if ours.any():
                best, claim, ignored = _claims(boxes[ours], item.boxes[theirs], difficult)
                claim = claim + claimed[label]
                rows[label].append(_Overlapped(image, scores[ours], best, claim, ignored))
            claimed[label] += int(theirs.sum())
    return [_matched(own, count) for own, count in zip(rows, objects, strict=True)]


def _claims(
    boxes: np.ndarray, truth: np.ndarray, difficult: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Best overlap [D], its object [D] and whether that is difficult [D]; -1 without objects."""
    if not len(truth):
        nothing = np.full(len(boxes), -1)
        return nothing.astype(np.float64), nothing, np.zeros(len(boxes), bool)
    overlap = _overlaps(boxes, truth)
    index = overlap.argmax(axis=1)
    return overlap.max(axis=1), index, difficult[index]


def _matched(rows: list[_Overlapped], objects: np.ndarray) -> Matches:
    """All detections of a class in descending score."""
    if not rows:
        none = np.zeros((len(IOUS), 0), bool)
        return Matches(np.zeros(0, np.int64), none, none, objects)
    scores, best, claim, ignored = (
        np.concatenate([getattr(row, name) for row in rows])
        for name in ("scores", "best", "claim", "ignored")
    )
    image = np.repeat([row.image for row in rows], [len(row.scores) for row in rows])
    # stable, so that equal scores keep image order on every machine
    order = np.argsort(-scores, kind="stable")
    best, claim, ignored = best[order], claim[order], ignored[order]
    over = best > np.array(IOUS)[:, None]
    hit = np.zeros_like(over)
    for place, above in enumerate(over):
        candidates = np.flatnonzero(above & ~ignored)
        _, first = np.unique(claim[candidates], return_index=True)
        hit[place, candidates[first]] = True
    return Matches(image[order], hit, ~(over & ignored), objects)


def evaluate_voc(truth: Records, found: Sequence[Detected], rule: str) -> dict[str, object]:
    """Metrics in percent: AP, AP50, AP75 and per_class (class -> AP, AP50, AP75).

    Args:
        found: boxes, scores and labels of every image of ``truth``, in its pixels.
        rule: "voc2007" or "voc2012".

    Raises:
        DataError: see :func:`downstream.detection.detections.checked_detections`.
    """
    table = np.array(
        [
            [
                100 * average_precision(hit[counted], int(own.objects.sum()), rule)
                for hit, counted in zip(own.hit, own.counted, strict=True)
            ]
            for own in voc_matches(truth, found)
        ]
    )
    return summary(table.mean(axis=1), table[:, 0], table[:, IOUS.index(0.75)], truth.classes)


def summary(
    ap: np.ndarray, ap50: np.ndarray, ap75: np.ndarray, classes: Sequence[str]
) -> dict[str, object]:
    """The metrics from per-class percentages [K]; classes that are NaN do not count."""
    columns = {"AP": ap, "AP50": ap50, "AP75": ap75}
    means = {
        key: float(np.nanmean(values)) if np.isfinite(values).any() else 0.0
        for key, values in columns.items()
    }
    per_class = {
        name: {key: float(values[i]) for key, values in columns.items() if np.isfinite(values[i])}
        for i, name in enumerate(classes)
    }
    return means | {"per_class": per_class}
