"""Average precision of detections by the COCO rules.

Lin et al., 2014, as computed by pycocotools: 101 recalls, IoU .50 to .95, at most 100 detections an
image, crowds ignored. Difficult objects of Pascal VOC count as ordinary ones here.
"""

import contextlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from downstream.detection.detections import Found, checked_detections
from downstream.detection.matches import IOUS, Detected, Matches
from downstream.detection.readers import Records
from downstream.detection.voc_ap import summary


def evaluate_coco(truth: Records, found: Sequence[Detected]) -> dict[str, object]:
    """Metrics in percent: AP, AP50, AP75, APs, APm, APl and per_class.

    Classes and sizes without a true box are left out (NaN for a whole size).

    Args:
        found: boxes, scores and labels of every image of ``truth``, in its pixels.

    Raises:
        DataError: see :func:`downstream.detection.detections.checked_detections`.
    """
    judge = _evaluated(truth, found)
    with contextlib.redirect_stdout(io.StringIO()):
        judge.accumulate()
    # [thresholds, recalls, classes, areas, detection limits]; -1 where a class has no true box.
    precision = judge.eval["precision"][:, :, :, :, -1]
    precision = np.where(precision < 0, np.nan, precision)
    per_class = np.array([[_mean(part) for part in (p, p[0], p[5])] for p in _classes(precision)])
    ap, ap50, ap75 = 100 * per_class.T
    metrics = summary(ap, ap50, ap75, truth.classes)
    for column, name in enumerate(("APs", "APm", "APl"), start=1):
        metrics[name] = 100 * _mean(precision[..., column])
    return metrics


def coco_matches(truth: Records, found: Sequence[Detected]) -> list[Matches]:
    """Detections matched by the COCO rules, by class, over objects of all sizes.

    Args:
        found: boxes, scores and labels of every image of ``truth``, in its pixels.

    Raises:
        DataError: see :func:`downstream.detection.detections.checked_detections`.
    """
    judge = _evaluated(truth, found)
    areas, images = len(judge.params.areaRng), len(truth)
    matches = []
    for label in range(len(truth.classes)):
        # pycocotools keeps one entry by class, then area (all sizes first), then image
        start = label * areas * images
        every = judge.evalImgs[start : start + images]
        objects = np.array([0 if e is None else int((e["gtIgnore"] == 0).sum()) for e in every])
        matches.append(_matched([entry for entry in every if entry is not None], objects))
    return matches


def _matched(entries: list[dict[str, Any]], objects: np.ndarray) -> Matches:
    """One class of :func:`coco_matches` in descending score, equal ones in image order."""
    if not entries:
        none = np.zeros((len(IOUS), 0), bool)
        return Matches(np.zeros(0, np.int64), none, none, objects)
    scores = np.concatenate([np.asarray(entry["dtScores"], np.float64) for entry in entries])
    image = np.repeat(
        [int(entry["image_id"]) for entry in entries], [len(e["dtScores"]) for e in entries]
    )
    hit, ignored = (
        np.concatenate([entry[key] for entry in entries], axis=1).astype(bool)
        for key in ("dtMatches", "dtIgnore")
    )
    order = np.argsort(-scores, kind="stable")
    return Matches(image[order], (hit & ~ignored)[:, order], ~ignored[:, order], objects)


def _evaluated(truth: Records, found: Sequence[Detected]) -> Any:
    """pycocotools' COCOeval with every image matched; its package has no types."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    rows = _rows(checked_detections(truth, found))
    with contextlib.redirect_stdout(io.StringIO()):
        reference = COCO()
        reference.dataset = _dataset(truth)
        reference.createIndex()
        # loadRes reads an empty list as an error, and a single (-1) image id matches nothing.
        rows = rows if len(rows) else np.array([[-1, 0, 0, 1, 1, 0, 1]], dtype=np.float64)
        answers = COCO()
        answers.dataset = _answers(rows, reference.dataset)
        answers.createIndex()
        judge = COCOeval(reference, answers, "bbox")
        judge.evaluate()
    return judge


def _classes(precision: np.ndarray) -> list[np.ndarray]:
    """Precision [thresholds, recalls] of each class over objects of all sizes."""
    return [precision[:, :, label, 0] for label in range(precision.shape[2])]


def _mean(values: np.ndarray) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def _rows(found: Sequence[Found]) -> np.ndarray:
    """Detections as rows (image, x, y, w, h, score, label)."""
    parts = []
    for image, (boxes, scores, labels) in enumerate(found):
        sides = boxes[:, 2:] - boxes[:, :2]
        number = np.full((len(boxes), 1), image)
        columns = (number, boxes[:, :2], sides, np.c_[scores], np.c_[labels])
        parts.append(np.hstack(columns).reshape(-1, 7))
    return np.concatenate(parts) if parts else np.zeros((0, 7))


def _dataset(truth: Records) -> dict[str, list]:
    annotations: list[dict[str, Any]] = []
    for image, item in enumerate(truth.items):
        sides = item.boxes[:, 2:] - item.boxes[:, :2]
        for slot in range(len(item.labels)):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image,
                    "category_id": int(item.labels[slot]),
                    "bbox": [*item.boxes[slot, :2].tolist(), *sides[slot].tolist()],
                    "area": float(item.area[slot]),
                    "iscrowd": int(item.crowd[slot]),
                }
            )
    return {
        "images": [{"id": i} for i in range(len(truth))],
        "annotations": annotations,
        "categories": [{"id": i, "name": name} for i, name in enumerate(truth.classes)],
    }


def _answers(rows: np.ndarray, dataset: dict[str, list]) -> dict[str, list]:
    """Detections in pycocotools' own form (what its loadRes would build)."""
    annotations = [
        {
            "id": number,
            "image_id": int(row[0]),
            "category_id": int(row[6]),
            "bbox": row[1:5].tolist(),
            "area": float(row[3] * row[4]),
            "score": float(row[5]),
            "iscrowd": 0,
        }
        for number, row in enumerate(rows, start=1)
    ]
    kept = {"images": dataset["images"], "categories": dataset["categories"]}
    return kept | {"annotations": annotations}
