"""What is the average precision of detections by the COCO rules?

Lin et al., 2014, as computed by pycocotools: 101 recalls, IoU .50 to .95, at most 100 detections an
image, crowds ignored. Difficult objects of Pascal VOC count as ordinary ones here.
"""

import contextlib
import io

import numpy as np

from downstream.detection.detections import checked_detections
from downstream.detection.readers import Records
from downstream.detection.voc_ap import summary


def evaluate_coco(truth: Records, found: list[tuple]) -> dict[str, object]:
    """Metrics in percent: AP, AP50, AP75, APs, APm, APl and per_class.

    `found[i]` = (boxes [D,4], scores [D], labels [D]) arrays in the pixels of image i of `truth`.
    Classes and sizes without a true box are left out (NaN for a whole size).
    """
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
        judge.accumulate()
    # [thresholds, recalls, classes, areas, detection limits]; -1 where a class has no true box.
    precision = judge.eval["precision"][:, :, :, :, -1]
    precision = np.where(precision < 0, np.nan, precision)
    per_class = np.array([[_mean(part) for part in (p, p[0], p[5])] for p in _classes(precision)])
    metrics = summary(*(100 * per_class.T), truth.classes)
    for column, name in enumerate(("APs", "APm", "APl"), start=1):
        metrics[name] = 100 * _mean(precision[..., column])
    return metrics


def _classes(precision: np.ndarray) -> list[np.ndarray]:
    """Precision [thresholds, recalls] of each class over objects of all sizes."""
    return [precision[:, :, label, 0] for label in range(precision.shape[2])]


def _mean(values: np.ndarray) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def _rows(found: list[tuple]) -> np.ndarray:
    """Detections as rows (image, x, y, w, h, score, label)."""
    parts = []
    for image, (boxes, scores, labels) in enumerate(found):
        sides = boxes[:, 2:] - boxes[:, :2]
        number = np.full((len(boxes), 1), image)
        columns = (number, boxes[:, :2], sides, np.c_[scores], np.c_[labels])
        parts.append(np.hstack(columns).reshape(-1, 7))
    return np.concatenate(parts) if parts else np.zeros((0, 7))


def _dataset(truth: Records) -> dict[str, list]:
    annotations = []
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
