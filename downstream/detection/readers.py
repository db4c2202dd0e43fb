"""Readers of Pascal VOC and COCO annotations.

Boxes become (x0, y0, x1, y1) in continuous pixels from 0. Pascal VOC counts pixels from 1 and
includes the last one, so x0 and y0 lose 1 (Detectron2's `load_voc_instances` does the same).
Difficult objects are kept (training uses them, the VOC metric ignores them); crowds are kept for
the COCO metric and never trained on.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mixlib.data.errors import DataError, existing, wrong
from mixlib.data.folders import check_images
from mixlib.data.readers import coco, voc

# fmt: off
VOC_CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car",
    "cat", "chair", "cow", "diningtable", "dog", "horse", "motorbike",
    "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)
# fmt: on
# Annotations may overshoot their image by rounding; more than this is a wrong file.
OVERSHOOT = 2.0


@dataclass(frozen=True, eq=False)
class Record:
    """One image: its pixels (`image` uint8 [h,w,3] RGB, or `path` to read) and its objects.

    boxes float64 [N,4], labels int64 [N], difficult and crowd bool [N], area float64 [N] in
    square pixels (COCO's is that of the outline, not of the box).
    """

    name: str
    width: int
    height: int
    boxes: np.ndarray
    labels: np.ndarray
    difficult: np.ndarray
    crowd: np.ndarray
    area: np.ndarray
    path: Path | None = None
    image: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Records:
    """A split: `items` and the class names that their labels index."""

    items: tuple[Record, ...]
    classes: tuple[str, ...]

    def __post_init__(self):
        if not self.items:
            raise DataError("a split needs at least one image, got none")
        for item in self.items:
            if len(item.labels) and not 0 <= item.labels.min() <= item.labels.max() < len(
                self.classes
            ):
                raise DataError(
                    f"{item.name}: expected labels 0..{len(self.classes) - 1}, got "
                    f"{item.labels.tolist()}"
                )

    def __len__(self) -> int:
        return len(self.items)

    def trainable(self) -> "Records":
        """Without the images that hold no object to train on, as the reference loader does.

        Raises DataError when none is left.
        """
        kept = tuple(r for r in self.items if len(r.labels) and not r.crowd.all())
        if not kept:
            raise DataError(
                f"none of the {len(self.items)} training images holds an object that is not a "
                "crowd: check the split and the class names"
            )
        return Records(kept, self.classes)


def record(
    name: str,
    size: tuple[int, int],
    boxes,
    labels,
    *,
    difficult=None,
    crowd=None,
    area=None,
    path: Path | None = None,
    image: np.ndarray | None = None,
    source: str = "",
) -> Record:
    """A checked Record; `size` is (width, height), `source` the file to name in errors.

    Raises DataError when a box lies outside the image or has its corners exchanged.
    """
    boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    labels = np.asarray(labels, dtype=np.int64).reshape(-1)
    if len(labels) != len(boxes):
        raise DataError(f"{source or name}: {len(boxes)} boxes but {len(labels)} labels")
    width, height = size
    limit = np.array([width, height, width, height]) + OVERSHOOT
    wrong = (boxes < -OVERSHOOT).any(1) | (boxes > limit).any(1) | ~np.isfinite(boxes).all(1)
    wrong |= (boxes[:, 2:] < boxes[:, :2]).any(1)
    if wrong.any():
        bad = boxes[wrong][0].tolist()
        raise DataError(
            f"{source or name}: expected boxes (x0, y0, x1, y1) with x0 <= x1, y0 <= y1 inside "
            f"the {width} x {height} image, got {bad}: correct or drop that object"
        )
    sides = boxes[:, 2:] - boxes[:, :2]
    hard, many = (
        np.zeros(len(boxes), bool) if given is None else np.asarray(given, bool).reshape(-1)
        for given in (difficult, crowd)
    )
    area = sides.prod(axis=1) if area is None else np.asarray(area, np.float64).reshape(-1)
    return Record(name, width, height, boxes, labels, hard, many, area, path, image)


def records_from_arrays(images: np.ndarray, boxes: list, labels: list, classes) -> Records:
    """Records of in-memory images uint8 [N,h,w,3] RGB with boxes [n_i,4] and labels [n_i]."""
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] != 3:
        raise DataError(f"expected uint8 images [N,h,w,3], got {images.dtype} {images.shape}")
    h, w = images.shape[1:3]
    items = tuple(
        record(f"{number:06d}", (w, h), b, c, image=image)
        for number, (image, b, c) in enumerate(zip(images, boxes, labels, strict=True))
    )
    return Records(items, tuple(classes))


def read_voc(root: Path, splits, classes: tuple[str, ...] = VOC_CLASSES) -> Records:
    """The union of Pascal VOC splits below `root`, e.g. ("VOC2007", "trainval") and 2012's.

    `root` is the VOCdevkit folder; each split is a pair (year folder, list in ImageSets/Main).
    Raises DataError, naming the file, for anything missing, malformed or unknown.
    """
    images = [
        (year, image) for year, split in splits for image in voc.read_year(Path(root), year, split)
    ]
    return Records(tuple(_voc_record(year, image, classes) for year, image in images), classes)


def _voc_record(year: str, image: voc.VocImage, classes: tuple[str, ...]) -> Record:
    number = {name: label for label, name in enumerate(classes)}
    for entry in image.objects:
        if entry.name not in number:
            raise wrong(
                image.source,
                f"one of the classes {', '.join(classes)}",
                f"the unknown class {entry.name!r}",
                "pass the dataset's own class names",
            )
    corner = np.array([1.0, 1.0, 0.0, 0.0])
    corners = np.array([entry.corners for entry in image.objects]).reshape(-1, 4)
    return record(
        f"{year}/{image.name}",
        (image.width, image.height),
        corners - corner,
        [number[entry.name] for entry in image.objects],
        difficult=[entry.difficult for entry in image.objects],
        path=image.path,
        source=str(image.source),
    )


def read_coco(annotations: Path, images: Path, classes: tuple[str, ...] | None = None) -> Records:
    """A COCO instances file and its image folder; labels index `classes`, by default the
    categories ordered by id.

    Images follow their ids. Objects of zero area stay for the metric; training drops them.
    Raises DataError, naming the file, for anything missing, malformed or unknown.
    """
    content = coco.read_instances(Path(annotations))
    classes = content.names if classes is None else classes
    if unknown := [name for name in content.names if name not in classes]:
        raise wrong(
            content.source,
            f"one of the categories {', '.join(classes)}",
            repr(unknown[0]),
            "use files of one release",
        )
    label = {kind["id"]: classes.index(kind["name"]) for kind in content.categories}
    folder = existing(Path(images), "the folder of its images")
    items = []
    for entry in content.images:
        objects = content.objects[entry["id"]]
        boxes = [(x, y, x + w, y + h) for x, y, w, h in (mark["bbox"] for mark in objects)]
        items.append(
            record(
                str(entry["id"]),
                (entry["width"], entry["height"]),
                boxes,
                [label[mark["category_id"]] for mark in objects],
                crowd=[mark["iscrowd"] for mark in objects],
                area=[mark["area"] for mark in objects],
                path=folder / entry["file_name"],
                source=f"{content.source}, image {entry['file_name']}",
            )
        )
    return Records(tuple(items), classes)


def read_split(
    layout: str, root: Path, split: str, classes: tuple[str, ...], most: int | None = None
) -> Records:
    """A split of a dataset in the "voc" or "coco" layout; at most its first ``most`` images.

    Raises:
        DataError: the layout or split is unknown, or a file is missing or malformed.
    """
    if layout == "voc" and split in voc.SPLITS:
        records = read_voc(root, voc.SPLITS[split], classes)
    elif layout == "coco":
        records = read_coco(coco.annotation_file(root, split), root / split, classes)
        check_images([item.path for item in records.items if item.path])
    else:
        known = ", ".join(voc.SPLITS)
        raise DataError(f"no split {split!r} in layout {layout!r}; voc has {known}")
    return records if most is None else Records(records.items[:most], records.classes)
