"""iNaturalist 2017 and 2018: images, annotations and categories in JSON (Van Horn et al., 2018)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mixlib.data.errors import missing, wrong
from mixlib.data.folders import hidden
from mixlib.data.images import Images
from mixlib.data.schema import Record, identifier, read_json, records, text

CATEGORY = {"id": identifier, "name": text}
IMAGE = {"id": identifier, "file_name": text}
ANNOTATION = {"image_id": identifier, "category_id": identifier}


def read_inaturalist(root: Path, split: str) -> Images:
    """<split><year>.json below `root`; classes are the categories of the training file, ordered by
    id, for every split.

    Raises:
        DataError: names the record that is malformed, unknown or repeated.
    """
    source, document = _document(root, split)
    ours = records(source, document, "categories", CATEGORY, "id")
    train = ours if split == "train" else records(*_document(root, "train"), "categories", CATEGORY)
    names = {kind["id"]: kind["name"] for kind in sorted(train, key=lambda kind: kind["id"])}
    for kind in ours:
        if names.get(kind["id"]) != kind["name"]:
            found = f"id {kind['id']!r}, name {kind['name']!r}"
            raise wrong(source, "the training file's categories", found, "use one year's files")
    number = {key: label for label, key in enumerate(names)}
    images = records(source, document, "images", IMAGE, "id")
    labels = _labels(source, images, records(source, document, "annotations", ANNOTATION), number)
    paths = tuple(root / image["file_name"] for image in images)
    return Images(labels, tuple(names.values()), paths=paths)


def _document(root: Path, split: str) -> tuple[Path, Record]:
    files = sorted(path for path in root.glob(f"{split}201?.json") if not hidden(path.name))
    if not files:
        raise missing(root / f"{split}<year>.json", "a file of annotations")
    if len(files) > 1:
        found = ", ".join(path.name for path in files)
        raise wrong(root, f"one {split}<year>.json", found, "keep one year a folder")
    return files[0], read_json(files[0], "a file of annotations")


def _labels(
    source: Path, images: list[Record], marks: list[Record], number: dict[int | str, int]
) -> np.ndarray:
    """One label an image, int64 [N]."""
    known = {image["id"] for image in images}
    found: dict[int | str, int] = {}
    for place, mark in enumerate(marks):
        part, image, kind = f"annotations[{place}]", mark["image_id"], mark["category_id"]
        if kind not in number:
            raise wrong(
                source, "a category id of the training file", repr(kind), "correct it", part=part
            )
        if image not in known:
            raise wrong(source, "the id of an image", repr(image), "drop the annotation", part=part)
        if found.setdefault(image, number[kind]) != number[kind]:
            raise wrong(
                source, "one category an image", f"two for {image!r}", "drop one", part=part
            )
    for place, image in enumerate(images):
        if image["id"] not in found:
            part = f"images[{place}]"
            raise wrong(
                source, "an annotation", f"none of {image['id']!r}", "drop the image", part=part
            )
    return np.array([found[image["id"]] for image in images], np.int64)
