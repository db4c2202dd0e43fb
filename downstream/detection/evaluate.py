"""Detections of a trained detector over a test split, and their average precision."""

from collections.abc import Iterator

import torch
from torch import Tensor

from downstream.detection.augment import resize, shortest_edge_size
from downstream.detection.batches import Pixels, normalize_and_pad
from downstream.detection.bootstrap import average_precision_intervals
from downstream.detection.boxes import clip
from downstream.detection.c4 import C4Detector, Detections
from downstream.detection.coco_ap import coco_matches, evaluate_coco
from downstream.detection.detections import Found
from downstream.detection.processes import ALONE, Processes
from downstream.detection.readers import Records
from downstream.detection.settings import DetectSettings
from downstream.detection.voc_ap import evaluate_voc, voc_matches


def to_original(found: Detections, seen: Tensor, original: tuple[int, int]) -> Detections:
    """Detections of an image seen at (w, h) `seen` [2], in pixels of its `original` (w, h) size.

    Boxes are cut to the image, and dropped where nothing is left.
    """
    size = torch.tensor(original, dtype=found.boxes.dtype, device=found.boxes.device)
    factor = size / seen.to(found.boxes)
    boxes = clip(found.boxes * torch.cat((factor, factor)), size)
    kept = (boxes[:, 2:] > boxes[:, :2]).all(dim=1)
    return Detections(boxes[kept], found.scores[kept], found.labels[kept])


def detect_all(
    model: C4Detector,
    records: Records,
    settings: DetectSettings,
    device: torch.device,
    processes: Processes = ALONE,
) -> list[Found]:
    """Detections of every image of `records`, in its order and its own pixels; each process does a
    part, and all have them all."""
    model.eval()
    store = Pixels(records)
    done: list[list[Found]] = []
    for numbers in processes.share(list(_runs(records, settings))):
        found: list[Found] = []
        images = [resize(store[n], _test_size(records, n, settings)) for n in numbers]
        batch, sizes = normalize_and_pad(images, settings, device)
        batch = batch.contiguous(memory_format=torch.channels_last)
        for number, size, given in zip(numbers, sizes, model.detect(batch, sizes), strict=True):
            item = records.items[number]
            back = to_original(given, size, (item.width, item.height))
            found.append(Found(*(part.cpu().numpy() for part in back)))
        done.append(found)
    return [each for run in processes.gather(done) for each in run]


def _test_size(records: Records, number: int, settings: DetectSettings) -> tuple[int, int]:
    item = records.items[number]
    return shortest_edge_size(item.width, item.height, settings.test_size, settings.max_size)


def _runs(records: Records, settings: DetectSettings) -> Iterator[list[int]]:
    """Consecutive images of one size, at most test_batch; padding would change results."""
    run: list[int] = []
    for number in range(len(records)):
        size = _test_size(records, number, settings)
        if run and (
            len(run) == settings.test_batch or size != _test_size(records, run[0], settings)
        ):
            yield run
            run = []
        run.append(number)
    yield run


def judge(truth: Records, found: list[Found], rule: str) -> dict[str, object]:
    """Metrics in percent by `rule`: voc2007, voc2012 or coco."""
    if rule == "coco":
        return evaluate_coco(truth, found)
    return evaluate_voc(truth, found, rule)


def intervals(truth: Records, found: list[Found], rule: str) -> dict[str, tuple[float, float]]:
    """95 % bootstrap intervals over the test images of AP, AP50 and AP75 (percent) by `rule`:
    (low, high), see :func:`downstream.detection.bootstrap.average_precision_intervals`."""
    matches = coco_matches(truth, found) if rule == "coco" else voc_matches(truth, found)
    whole = average_precision_intervals(matches, rule)
    return {name: (interval.low, interval.high) for name, interval in whole.items()}
