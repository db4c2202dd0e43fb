"""COCO's instances files (Lin et al., 2014), checked in type, range and uniqueness."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mixlib.data.errors import wrong
from mixlib.data.schema import (
    Record,
    flag,
    identifier,
    number,
    numbers,
    optional,
    read_json,
    records,
    text,
    whole,
)

CATEGORY = {"id": identifier, "name": text}
IMAGE = {"id": identifier, "file_name": text, "width": whole(1), "height": whole(1)}
_INF = float("inf")
ANNOTATION = {
    "image_id": identifier,
    "category_id": identifier,
    "bbox": numbers(("x", "y", "width", "height"), (-_INF, -_INF, 0, 0)),
    "iscrowd": optional(flag, False),
    "area": optional(number(0)),
}


@dataclass(frozen=True)
class Instances:
    """The checked content of an instances file; images and categories are ordered by id.

    Attributes:
        source: the file.
        categories: records with id and name.
        images: records with id, file_name, width and height.
        objects: image id -> its records with category_id, bbox (x, y, width, height), iscrowd and
            area (that of the box where the file has none).
    """

    source: Path
    categories: tuple[Record, ...]
    images: tuple[Record, ...]
    objects: dict[int | str, list[Record]]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the categories."""
        return tuple(category["name"] for category in self.categories)


def annotation_file(root: Path, split: str) -> Path:
    """Where the instances of a split stand."""
    return root / "annotations" / f"instances_{split}.json"


def read_instances(source: Path) -> Instances:
    """The content of an instances file.

    Raises:
        MissingFileError: there is no such file.
        DataError: names the first record that is malformed, repeated, or points nowhere.
    """
    document = read_json(source, "a COCO instances file")
    categories = records(source, document, "categories", CATEGORY, "id")
    records(source, document, "categories", {"name": text}, "name")
    images = records(source, document, "images", IMAGE, "id")
    marks = records(source, document, "annotations", ANNOTATION)
    known = {category["id"] for category in categories}
    objects: dict[int | str, list[Record]] = {image["id"]: [] for image in images}
    for place, mark in enumerate(marks):
        part = f"annotations[{place}]"
        if mark["category_id"] not in known:
            found = f"category id {mark['category_id']!r}"
            raise wrong(source, "the id of a category", found, "correct or drop it", part=part)
        if mark["image_id"] not in objects:
            found = f"image id {mark['image_id']!r}"
            raise wrong(source, "the id of an image", found, "correct or drop it", part=part)
        if mark["area"] is None:
            mark["area"] = mark["bbox"][2] * mark["bbox"][3]
        objects[mark["image_id"]].append(mark)
    return Instances(source, _by_id(categories), _by_id(images), objects)


def _by_id(rows: list[Record]) -> tuple[Record, ...]:
    return tuple(sorted(rows, key=lambda row: row["id"]))
