"""Training batches of the detector: order, size, flip and padding.

Detectron2's loader: an endless sequence of shuffled epochs, split by orientation (w > h or not)
so that a batch wastes little padding; a size and a flip drawn per image; zeros added below and to
the right after normalization, up to the largest image of the batch and no further. Every draw
depends on (seed, purpose, step), so that batch n is the same whether or not the run was resumed.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from downstream.detection.augment import pixels, place_boxes, resize, shortest_edge_size, visible
from downstream.detection.c4 import Batch
from downstream.detection.processes import ALONE, Processes, places
from downstream.detection.readers import Record, Records
from downstream.detection.settings import DetectSettings
from mixlib.seed import generator

KEPT_BYTES = 1 << 29  # decoded images of small sets stay in memory up to this much
AHEAD = 2  # batches prepared while the network works
Seen = tuple[list[tuple[np.ndarray, np.ndarray, np.ndarray]], tuple[int, int]]
"""What training sees of the images of one pass, and the (w, h) that they are padded to."""


def index_batches(records: Records, batch: int, seed: int) -> Iterator[list[int]]:
    """Endless batches of image numbers; each holds images of one orientation only."""
    wide = [item.width > item.height for item in records.items]
    waiting: dict[bool, list[int]] = {True: [], False: []}
    epoch = 0
    while True:
        order = torch.randperm(len(wide), generator=generator(seed, "detection order", epoch))
        for number in order.tolist():
            group = waiting[wide[number]]
            group.append(number)
            if len(group) == batch:
                yield list(group)
                group.clear()
        epoch += 1


class Pixels:
    """Decoded images by number, remembered while they fit in KEPT_BYTES."""

    def __init__(self, records: Records):
        self.items = records.items
        total = sum(3 * item.width * item.height for item in self.items)
        self.kept: dict[int, np.ndarray] | None = {} if total <= KEPT_BYTES else None

    def __getitem__(self, number: int) -> np.ndarray:
        if self.kept is None:
            return pixels(self.items[number])
        if number not in self.kept:
            self.kept[number] = pixels(self.items[number])
        return self.kept[number]


def normalize_and_pad(
    images: list[np.ndarray],
    settings: DetectSettings,
    device: torch.device,
    least: tuple[int, int] = (1, 1),
) -> tuple[Tensor, Tensor]:
    """Images [B,3,H,W] normalized, zero-padded to the largest (and `least` (w, h)), channels last,
    and their sizes [B,2] (w, h)."""
    sizes = torch.tensor([(image.shape[1], image.shape[0]) for image in images], device=device)
    mean = torch.tensor(settings.pixel_mean, device=device)
    std = torch.tensor(settings.pixel_std, device=device)
    height, width = (
        max(least[1 - side], *(image.shape[side] for image in images)) for side in (0, 1)
    )
    if {image.shape[:2] for image in images} == {(height, width)}:
        raw = torch.from_numpy(np.stack(images)).to(device)
        return ((raw - mean) / std).permute(0, 3, 1, 2), sizes
    padded = torch.zeros(len(images), height, width, 3, device=device)
    for slot, image in zip(padded, images, strict=True):
        # A copy, because arrays that PIL returns are read-only.
        raw = torch.from_numpy(image.copy()).to(device)
        slot[: image.shape[0], : image.shape[1]] = (raw - mean) / std
    return padded.permute(0, 3, 1, 2), sizes


def _seen(
    record: Record, image: np.ndarray, short: int, flip: bool, longest: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What training sees of one image: pixels, boxes [n,4], labels [n]."""
    old = (record.width, record.height)
    new = shortest_edge_size(*old, short, longest)
    image = resize(image, new)
    if flip:
        image = image[:, ::-1]
    boxes = place_boxes(record.boxes, old, new, flip)
    kept = visible(boxes) & ~record.crowd
    return image, boxes[kept], record.labels[kept]


def collate(
    seen: list[tuple[np.ndarray, np.ndarray, np.ndarray]],
    settings: DetectSettings,
    device: torch.device,
    least: tuple[int, int] = (1, 1),
) -> Batch:
    """One Batch of what training sees; one padding box at least, so that no tensor is empty."""
    images, sizes = normalize_and_pad([image for image, _, _ in seen], settings, device, least)
    most = max(1, *(len(labels) for _, _, labels in seen))
    boxes = np.zeros((len(seen), most, 4), dtype=np.float32)
    labels = np.full((len(seen), most), -1)
    for slot, (_, image_boxes, image_labels) in enumerate(seen):
        boxes[slot, : len(image_boxes)] = image_boxes
        labels[slot, : len(image_labels)] = image_labels
    return Batch(
        images, sizes, torch.from_numpy(boxes).to(device), torch.from_numpy(labels).to(device)
    )


def training_batches(
    records: Records,
    settings: DetectSettings,
    *,
    seed: int,
    start: int,
    device: torch.device,
    workers: int,
    processes: Processes = ALONE,
) -> Iterator[Batch]:
    """Batches of steps `start`, `start` + 1, ... up to settings.iterations: of every step one for
    each pass of this process, in order.

    Images of shards that normalize together are padded to the step's largest, whoever has it.
    `workers` threads decode and resize ahead (PIL releases the interpreter lock); 0 works inline.
    """
    store, passes = Pixels(records), processes.passes(settings)
    wanted = islice(
        enumerate(index_batches(records, settings.batch, seed)), start, settings.iterations
    )

    def load(step: int, numbers: list[int]) -> list[Seen]:
        draws = generator(seed, "detection augment", step)
        which = torch.randint(len(settings.train_sizes), (len(numbers),), generator=draws).tolist()
        flips = (torch.rand(len(numbers), generator=draws) < settings.flip).tolist()
        shorts = [settings.train_sizes[size] for size in which]
        least = (1, 1)
        if settings.norm != "frozen":
            least = _largest([records.items[n] for n in numbers], shorts, settings.max_size)
        made = []
        for shards in passes:
            images = [
                _seen(
                    records.items[numbers[i]],
                    store[numbers[i]],
                    shorts[i],
                    flips[i],
                    settings.max_size,
                )
                for i in places(shards, settings)
            ]
            made.append((images, least))
        return made

    def batches(seen: list[Seen]) -> Iterator[Batch]:
        return (collate(images, settings, device, least) for images, least in seen)

    if not workers:
        for step, numbers in wanted:
            yield from batches(load(step, numbers))
        return
    with ThreadPoolExecutor(workers) as pool:
        queue = [pool.submit(load, *next_up) for next_up in islice(wanted, AHEAD * workers)]
        while queue:
            seen = queue.pop(0).result()
            queue.extend(pool.submit(load, *next_up) for next_up in islice(wanted, 1))
            yield from batches(seen)


def _largest(items: Sequence[Record], shorts: Sequence[int], longest: int) -> tuple[int, int]:
    """The smallest (w, h) in which all images fit once they are resized."""
    sizes = [
        shortest_edge_size(item.width, item.height, short, longest)
        for item, short in zip(items, shorts, strict=True)
    ]
    return max(w for w, _ in sizes), max(h for _, h in sizes)
