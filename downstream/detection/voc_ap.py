"""What is the average precision of detections by the Pascal VOC rules?

Everingham et al., IJCV 2010, section 4.2: a detection is right if its best-overlapping true box of
its class has IoU above the threshold and was not claimed by a better-scored one; difficult objects
count neither way. "voc2007" averages precision at 11 recalls, "voc2012" is the area below the
precision envelope. AP is the mean over IoU .50, .55, ..., .95, as Detectron2 reports it; AutoMix,
Table 7, quotes AP50 by the 2007 rule.
"""

import numpy as np

from downstream.detection.detections import checked_detections
from downstream.detection.readers import Records

IOUS = tuple(percent / 100 for percent in range(50, 100, 5))


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


class _ClassTally:
    """Detections of one class against its true boxes, gathered image by image."""

    def __init__(self):
        self.objects = 0
        self.scores, self.best, self.claim, self.ignored = [], [], [], []
        self.boxes_seen = 0

    def add(self, boxes: np.ndarray, scores: np.ndarray, truth: np.ndarray, difficult: np.ndarray):
        self.objects += int((~difficult).sum())
        if len(boxes):
            if len(truth):
                overlap = _overlaps(boxes, truth)
                index = overlap.argmax(axis=1)
                self.best.append(overlap.max(axis=1))
                self.claim.append(index + self.boxes_seen)
                self.ignored.append(difficult[index])
            else:
                self.best.append(np.full(len(boxes), -1.0))
                self.claim.append(np.full(len(boxes), -1))
                self.ignored.append(np.zeros(len(boxes), bool))
            self.scores.append(scores)
        self.boxes_seen += len(truth)

    def precision(self, rule: str) -> list[float]:
        """AP per threshold of IOUS."""
        if not self.scores:
            return [0.0] * len(IOUS)
        # Stable, so that equal scores keep image order on every machine.
        order = np.argsort(-np.concatenate(self.scores), kind="stable")
        best, claim, ignored = (
            np.concatenate(part)[order] for part in (self.best, self.claim, self.ignored)
        )
        found = []
        for threshold in IOUS:
            over = best > threshold
            hits = np.zeros(len(best))
            candidates = np.flatnonzero(over & ~ignored)
            _, first = np.unique(claim[candidates], return_index=True)
            hits[candidates[first]] = 1
            found.append(average_precision(hits[~(over & ignored)], self.objects, rule))
        return found


def evaluate_voc(truth: Records, found: list[tuple], rule: str) -> dict[str, object]:
    """Metrics in percent: AP, AP50, AP75 and per_class (class -> AP, AP50, AP75).

    `found[i]` = (boxes [D,4], scores [D], labels [D]) arrays in the pixels of image i of `truth`.
    They are checked (DataError), then rounded as the VOC result files are: boxes to .1 (from 1),
    scores to .001.
    """
    tallies = [_ClassTally() for _ in truth.classes]
    checked = checked_detections(truth, found)
    for item, (boxes, scores, labels) in zip(truth.items, checked, strict=True):
        corner = np.array([1.0, 1.0, 0.0, 0.0])
        boxes = _written(boxes + corner, 1) - corner
        scores = _written(scores, 3)
        for label in np.union1d(labels, item.labels).astype(int).tolist():
            ours, theirs = labels == label, item.labels == label
            tallies[label].add(
                boxes[ours], scores[ours], item.boxes[theirs], item.difficult[theirs]
            )
    table = 100 * np.array([tally.precision(rule) for tally in tallies])
    return summary(table.mean(axis=1), table[:, 0], table[:, IOUS.index(0.75)], truth.classes)


def summary(ap: np.ndarray, ap50: np.ndarray, ap75: np.ndarray, classes) -> dict[str, object]:
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
