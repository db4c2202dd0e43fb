"""Readers of Pascal VOC and COCO annotations.

Boxes become (x0, y0, x1, y1) in continuous pixels from 0. Pascal VOC counts pixels from 1 and
includes the last one, so x0 and y0 lose 1 (Detectron2's `load_voc_instances` does the same).
Difficult objects are kept (training uses them, the VOC metric ignores them); crowds are kept for
the COCO metric and never trained on.
"""

import json
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

import numpy as np

# fmt: off
VOC_CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car",
    "cat", "chair", "cow", "diningtable", "dog", "horse", "motorbike",
    "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)
# fmt: on
# Annotations may overshoot their image by rounding; more than this is a wrong file.
OVERSHOOT = 2.0


class DataError(ValueError):
    """A dataset on disk is not what its format promises; the message names the file."""


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
    flags = [
        np.zeros(len(boxes), bool) if given is None else np.asarray(given, bool).reshape(-1)
        for given in (difficult, crowd)
    ]
    area = sides.prod(axis=1) if area is None else np.asarray(area, np.float64).reshape(-1)
    return Record(name, width, height, boxes, labels, *flags, area, path, image)


def records_from_arrays(images: np.ndarray, boxes: list, labels: list, classes) -> Records:
    """Records of in-memory images uint8 [N,h,w,3] RGB with boxes [n_i,4] and labels [n_i]."""
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] != 3:
        raise DataError(f"expected uint8 images [N,h,w,3], got {images.dtype} {images.shape}")
    h, w = images.shape[1:3]
    items = tuple(
        record(f"{number:06d}", (w, h), b, c, image=image)
        for number, (image, b, c) in enumerate(zip(images, boxes, labels, strict=True))
    )
    for item in items:
        if len(item.labels) and not 0 <= item.labels.min() <= item.labels.max() < len(classes):
            raise DataError(
                f"{item.name}: expected labels 0..{len(classes) - 1}, got {item.labels.tolist()}"
            )
    return Records(items, tuple(classes))


def _needed(path: Path, what: str) -> Path:
    if not path.exists():
        raise DataError(f"{path} is missing: expected {what}; check that the dataset is complete")
    return path


def read_voc(root: Path, splits, classes: tuple[str, ...] = VOC_CLASSES) -> Records:
    """The union of Pascal VOC splits below `root`, e.g. ("VOC2007", "trainval") and 2012's.

    `root` is the VOCdevkit folder; each split is a pair (year folder, list in ImageSets/Main).
    Raises DataError, naming the file, for anything missing, malformed or unknown.
    """
    items = []
    for year, split in splits:
        folder = _needed(Path(root) / year, "a Pascal VOC year folder")
        listing = _needed(folder / "ImageSets" / "Main" / f"{split}.txt", "a list of image names")
        names = [line.split()[0] for line in listing.read_text().splitlines() if line.strip()]
        if not names:
            raise DataError(f"{listing} is empty: expected one image name per line")
        items.extend(_voc_record(folder, name, classes) for name in names)
    return Records(tuple(items), classes)


def _voc_record(folder: Path, name: str, classes: tuple[str, ...]) -> Record:
    source = _needed(folder / "Annotations" / f"{name}.xml", "the image's annotation")
    try:
        tree = ElementTree.parse(source).getroot()
    except ElementTree.ParseError as error:
        raise DataError(f"{source} is not readable as XML ({error}): fetch it again") from error
    size = tuple(int(_text(tree, f"size/{side}", source)) for side in ("width", "height"))
    boxes, labels, difficult = [], [], []
    for entry in tree.findall("object"):
        label = _text(entry, "name", source)
        if label not in classes:
            raise DataError(
                f"{source}: unknown class {label!r}; expected one of {', '.join(classes)}: "
                "pass the dataset's own class names"
            )
        corners = [
            float(_text(entry, f"bndbox/{side}", source))
            for side in ("xmin", "ymin", "xmax", "ymax")
        ]
        boxes.append((corners[0] - 1, corners[1] - 1, *corners[2:]))
        labels.append(classes.index(label))
        difficult.append(entry.findtext("difficult", "0").strip() == "1")
    return record(
        f"{folder.name}/{name}",
        size,
        boxes,
        labels,
        difficult=difficult,
        path=folder / "JPEGImages" / f"{name}.jpg",
        source=str(source),
    )


def _text(node, path: str, source: Path) -> str:
    found = node.findtext(path)
    if found is None or not found.strip():
        raise DataError(f"{source}: expected an element <{path}> in <{node.tag}>, found none")
    return found.strip()


def read_coco(annotations: Path, images: Path) -> Records:
    """A COCO instances file and its image folder; labels index the categories ordered by id.

    Images follow their ids. Objects of zero area stay for the metric; training drops them.
    Raises DataError, naming the file, for anything missing, malformed or unknown.
    """
    source = _needed(Path(annotations), "a COCO instances file")
    folder = _needed(Path(images), "the folder of its images")
    try:
        content = json.loads(source.read_text())
        categories = sorted(content["categories"], key=lambda c: c["id"])
        entries = sorted(content["images"], key=lambda i: i["id"])
        objects: dict[int, list] = {entry["id"]: [] for entry in entries}
        for entry in content["annotations"]:
            objects[entry["image_id"]].append(entry)
        label_of = {category["id"]: number for number, category in enumerate(categories)}
        items = tuple(_coco_record(e, objects[e["id"]], label_of, folder, source) for e in entries)
    except (json.JSONDecodeError, KeyError) as error:
        raise DataError(
            f"{source}: expected COCO's images, annotations and categories with all their keys "
            f"and matching ids; failed at {error!r}"
        ) from error
    return Records(items, tuple(c["name"] for c in categories))


def _coco_record(entry: dict, objects: list, label_of: dict, folder: Path, source: Path) -> Record:
    unknown = [o["category_id"] for o in objects if o["category_id"] not in label_of]
    if unknown:
        raise DataError(f"{source}: category id {unknown[0]} is not among its categories")
    boxes = [(x, y, x + w, y + h) for x, y, w, h in (o["bbox"] for o in objects)]
    return record(
        str(entry["id"]),
        (entry["width"], entry["height"]),
        boxes,
        [label_of[o["category_id"]] for o in objects],
        crowd=[o.get("iscrowd", 0) for o in objects],
        area=[o.get("area", o["bbox"][2] * o["bbox"][3]) for o in objects],
        path=folder / entry["file_name"],
        source=f"{source}, image {entry['file_name']}",
    )


# a split's name in the catalog -> the lists of Pascal VOC that it joins
VOC_SPLITS = {
    "trainval0712": (("VOC2007", "trainval"), ("VOC2012", "trainval")),
    "test2007": (("VOC2007", "test"),),
}


def read_split(
    layout: str, root: Path, split: str, classes: tuple[str, ...], most: int | None = None
) -> Records:
    """A split of a dataset in the "voc" or "coco" layout; at most its first ``most`` images.

    Raises:
        DataError: the layout or split is unknown, or a file is missing or malformed.
    """
    if layout == "voc" and split in VOC_SPLITS:
        records = read_voc(root, VOC_SPLITS[split], classes)
    elif layout == "coco":
        records = read_coco(root / "annotations" / f"instances_{split}.json", root / split)
    else:
        known = ", ".join(VOC_SPLITS)
        raise DataError(f"no split {split!r} in layout {layout!r}; voc has {known}")
    return records if most is None else Records(records.items[:most], records.classes)
