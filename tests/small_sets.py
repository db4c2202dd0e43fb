"""A small dataset in every layout: classes ant, bee and cat, of which the test split lacks ant."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("ant", "bee", "cat")
TRAIN = ("ant", "bee", "cat", "bee")
TEST = ("cat", "bee")
SIDE = 16
COLORS = {"ant": 40, "bee": 120, "cat": 200}


@dataclass(frozen=True)
class SmallSet:
    """How a layout is written: its folder for readers, splits, and its lists."""

    layout: str
    train: str
    test: str
    write: Callable[[Path], Path]
    lists: tuple[str, ...] = ()


def draw(path: Path, kind: str) -> None:
    """An image of the class's gray level."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (SIDE, SIDE), (COLORS[kind],) * 3).save(path, quality=95)


def lines(path: Path, *texts: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{text}\n" for text in texts))


def _numbered() -> list[tuple[str, str, bool]]:
    """(name, class, whether it trains) of all images; names hold a blank."""
    both = [(kind, True) for kind in TRAIN] + [(kind, False) for kind in TEST]
    return [(f"{kind} {number}", kind, train) for number, (kind, train) in enumerate(both)]


def imagefolder(root: Path) -> Path:
    for name, kind, train in _numbered():
        draw(root / ("train" if train else "val") / kind / f"{name}.png", kind)
    return root


def tiny(root: Path) -> Path:
    lines(root / "wnids.txt", *CLASSES)
    rows = []
    for name, kind, train in _numbered():
        if train:
            draw(root / "train" / kind / "images" / f"{name}.JPEG", kind)
        else:
            draw(root / "val" / "images" / f"{name}.JPEG", kind)
            rows.append(f"{name}.JPEG\t{kind}\t0\t0\t9\t9")
    lines(root / "val" / "val_annotations.txt", *rows)
    return root


def cifar(root: Path) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    for file, kinds in (("data_batch_1", TRAIN[:2]), ("data_batch_2", TRAIN[2:])):
        _batch(root / file, kinds)
    _batch(root / "test_batch", TEST)
    (root / "batches.meta").write_bytes(pickle.dumps({"label_names": list(CLASSES)}))
    return root


def _batch(path: Path, kinds: tuple[str, ...]) -> None:
    rows = np.stack([np.full(3072, COLORS[kind], np.uint8) for kind in kinds])
    labels = [CLASSES.index(kind) for kind in kinds]
    path.write_bytes(pickle.dumps({"data": rows, "labels": labels}, protocol=2))


def cub(root: Path) -> Path:
    folder = root / "CUB_200_2011"
    tables: dict[str, list[str]] = {
        name: [] for name in ("images", "image_class_labels", "train_test_split", "bounding_boxes")
    }
    for number, (name, kind, train) in enumerate(_numbered(), 1):
        label = CLASSES.index(kind) + 1
        path = f"{label:03d}.{kind}/{name}.jpg"
        draw(folder / "images" / path, kind)
        tables["images"].append(f"{number} {path}")
        tables["image_class_labels"].append(f"{number} {label}")
        tables["train_test_split"].append(f"{number} {int(train)}")
        tables["bounding_boxes"].append(f"{number} 1.0 2.0 8.0 9.0")
    lines(folder / "classes.txt", *(f"{n} {n:03d}.{kind}" for n, kind in enumerate(CLASSES, 1)))
    for name, rows in tables.items():
        lines(folder / f"{name}.txt", *rows)
    return folder


def aircraft(root: Path) -> Path:
    lines(root / "data" / "variants.txt", *CLASSES)
    rows: dict[bool, list[str]] = {True: [], False: []}
    for number, (_, kind, train) in enumerate(_numbered()):
        draw(root / "data" / "images" / f"{number:04d}.jpg", kind)
        rows[train].append(f"{number:04d} {kind}")
    for split, train in (("trainval", True), ("test", False)):
        lines(root / "data" / f"images_variant_{split}.txt", *rows[train])
    return root


def inat(root: Path) -> Path:
    for split, trains in (("train", True), ("val", False)):
        rows = [row for row in enumerate(_numbered()) if row[1][2] == trains]
        kinds = CLASSES if trains else CLASSES[1:]
        document = {
            "images": [{"id": n, "file_name": f"images/{name}.jpg"} for n, (name, _, _) in rows],
            "annotations": [
                {"image_id": n, "category_id": 7 * CLASSES.index(kind)} for n, (_, kind, _) in rows
            ],
            "categories": [{"id": 7 * CLASSES.index(kind), "name": kind} for kind in kinds],
        }
        for _, (name, kind, _) in rows:
            draw(root / "images" / f"{name}.jpg", kind)
        (root / f"{split}2018.json").write_text(json.dumps(document))
    return root


def places(root: Path) -> Path:
    for split, trains in (("train", True), ("val", False)):
        rows = []
        for name, kind, train in _numbered():
            if train == trains:
                draw(root / "images" / kind[0] / kind / f"{name}.jpg", kind)
                rows.append(f"{kind[0]}/{kind}/{name}.jpg,{CLASSES.index(kind)}")
        lines(root / f"{split}_places205.csv", *rows)
    return root


def voc(root: Path) -> Path:
    for year, split, trains in (
        *(("VOC2007", "trainval", True), ("VOC2012", "trainval", True)),
        ("VOC2007", "test", False),
    ):
        names = []
        for name, kind, train in _numbered():
            if train == trains:
                folder = root / year
                draw(folder / "JPEGImages" / f"{name}.jpg", kind)
                lines(folder / "Annotations" / f"{name}.xml", annotation(kind))
                names.append(name)
        lines(root / year / "ImageSets" / "Main" / f"{split}.txt", *names)
        for kind in CLASSES:
            lines(root / year / "ImageSets" / "Main" / f"{kind}_{split}.txt")
    return root


def annotation(kind: str) -> str:
    sides = "<xmin>2</xmin><ymin>3</ymin><xmax>9</xmax><ymax>11</ymax>"
    return (
        f"<annotation><size><width>{SIDE}</width><height>{SIDE}</height></size><object>"
        f"<name>{kind}</name><difficult>0</difficult><bndbox>{sides}</bndbox></object></annotation>"
    )


def coco(root: Path) -> Path:
    (root / "annotations").mkdir(parents=True, exist_ok=True)
    for split, trains in (("train2017", True), ("val2017", False)):
        rows = [row for row in enumerate(_numbered()) if row[1][2] == trains]
        kinds = CLASSES if trains else CLASSES[1:]
        sizes = {"width": SIDE, "height": SIDE}
        document = {
            "images": [{"id": n, "file_name": f"{name}.jpg", **sizes} for n, (name, _, _) in rows],
            "annotations": [
                {"image_id": n, "category_id": 7 * CLASSES.index(k), "bbox": [1, 2, 8, 9]}
                for n, (_, k, _) in rows
            ],
            "categories": [{"id": 7 * CLASSES.index(kind), "name": kind} for kind in kinds],
        }
        for _, (name, kind, _) in rows:
            draw(root / split / f"{name}.jpg", kind)
        path = root / "annotations" / f"instances_{split}.json"
        path.write_text(json.dumps(document))
    return root


_MAIN = "ImageSets/Main"
SETS = {
    row.layout: row
    for row in (
        SmallSet("imagefolder", "train", "val", imagefolder),
        SmallSet("imagenet100", "train", "val", imagefolder),
        SmallSet("tiny-imagenet", "train", "val", tiny, ("wnids.txt", "val/val_annotations.txt")),
        SmallSet("cifar-pickle", "train", "test", cifar),
        SmallSet(
            *("cub", "train", "test", cub),
            ("classes.txt", "images.txt", "image_class_labels.txt", "train_test_split.txt"),
        ),
        SmallSet(
            *("aircraft", "trainval", "test", aircraft),
            ("data/variants.txt", "data/images_variant_test.txt"),
        ),
        SmallSet("inat", "train", "val", inat, ("train2018.json", "val2018.json")),
        SmallSet("list", "train", "val", places, ("train_places205.csv", "val_places205.csv")),
        SmallSet(
            *("voc", "trainval0712", "test2007", voc),
            (f"VOC2007/{_MAIN}/trainval.txt", f"VOC2007/{_MAIN}/test.txt"),
        ),
        SmallSet(
            *("coco", "train2017", "val2017", coco),
            ("annotations/instances_train2017.json", "annotations/instances_val2017.json"),
        ),
    )
}
