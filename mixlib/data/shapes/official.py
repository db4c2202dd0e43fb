"""The generated world in the layouts of the official sets, with as many classes as
these have: CIFAR, Tiny-ImageNet, ImageNet, FGVC-Aircraft, iNaturalist, Places205, COCO's folder.

They stand in for the real sets where every step on the way from files to a loss is to be gone once
(scale `rehearsal`); nothing is to be learned from them.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from mixlib.data.shapes.layouts import (
    JPEG_QUALITY,
    Entry,
    drawn_scenes,
    write_coco,
    write_lines,
    write_wsol,
)
from mixlib.data.shapes.scenes import Scene, Shapes, class_names, render

PICTURES = 24
"""Pictures of ImageNet's layout that differ: a thousand classes want a file each, no more."""
SYNSETS = 1_440_764, 15_075_141
"""Numbers of ImageNet's first and last synset."""


def write_cifar(spec: Shapes, root: Path) -> None:
    """`root`/cifar-10-batches-py (ten classes) or cifar-100-python: pickles as Python 2 wrote them,
    training images in as many batches as the official set has.
    """
    ten = spec.classes == 10
    folder = root / ("cifar-10-batches-py" if ten else "cifar-100-python")
    folder.mkdir(parents=True)
    names, label = ("label_names", "labels") if ten else ("fine_label_names", "fine_labels")
    _pickle(folder / ("batches.meta" if ten else "meta"), {names: list(class_names(spec.classes))})
    files = {"train": [f"data_batch_{n}" for n in range(1, 6)] if ten else ["train"]}
    files["test"] = ["test_batch" if ten else "test"]
    for split, parts in files.items():
        drawn = [scene for _, scene in drawn_scenes(spec, split)]
        rows = np.array([s.image.transpose(2, 0, 1).ravel() for s in drawn], np.uint8)
        labels = np.array([s.label for s in drawn])
        for name, own in zip(parts, np.array_split(np.arange(len(drawn)), len(parts)), strict=True):
            _pickle(folder / name, {"data": rows[own], label: labels[own].tolist()})


def _pickle(path: Path, content: dict[str, object]) -> None:
    path.write_bytes(pickle.dumps(content, protocol=2))


def write_tiny_imagenet(spec: Shapes, root: Path) -> None:
    """`root`/tiny-imagenet-200: wnids.txt, images of training with their boxes, validation images
    in one folder with their list.
    """
    folder, names = root / "tiny-imagenet-200", synsets(spec.classes)
    write_lines(folder / "wnids.txt", list(names))
    lines: dict[str, list[str]] = {name: [] for name in names}
    for index, scene in drawn_scenes(spec, "train"):
        name = names[scene.label]
        file = f"{name}_{index}.JPEG"
        _save(scene, folder / "train" / name / "images" / file)
        lines[name].append(f"{file}\t" + "\t".join(map(str, _inclusive(scene, spec))))
    for name, boxes in lines.items():
        write_lines(folder / "train" / name / f"{name}_boxes.txt", boxes)
    marks = []
    for index, scene in drawn_scenes(spec, "val"):
        file = f"val_{index}.JPEG"
        _save(scene, folder / "val" / "images" / file)
        box = "\t".join(map(str, _inclusive(scene, spec)))
        marks.append(f"{file}\t{names[scene.label]}\t{box}")
    write_lines(folder / "val" / "val_annotations.txt", marks)


def write_imagenet(spec: Shapes, root: Path) -> None:
    """`root`/imagenet/{train,val}/<synset>/*.JPEG and `root`/wsol_metadata/ILSVRC/test with the
    boxes of the validation images.

    No more than :data:`PICTURES` differ.
    """
    names = synsets(spec.classes)
    entries: list[Entry] = []
    for split in ("train", "val"):
        drawn = [render(spec, split, i) for i in range(min(PICTURES, spec.count(split)))]
        files = [_jpeg(scene) for scene in drawn]
        for index in range(spec.count(split)):
            label, which = index % spec.classes, index % len(files)
            name = names[label]
            file = (
                f"{name}_{index}.JPEG"
                if split == "train"
                else f"ILSVRC2012_val_{index + 1:08d}.JPEG"
            )
            path = root / "imagenet" / split / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(files[which])
            if split == "val":
                entries.append((f"val/{file}", label, _box(drawn[which], spec)))
    write_wsol(root / "wsol_metadata" / "ILSVRC" / "test", entries, spec.size)


def write_aircraft(spec: Shapes, root: Path) -> None:
    """`root`/fgvc-aircraft-2013b/data: images, variants.txt and the list of each split."""
    folder, names = root / "fgvc-aircraft-2013b" / "data", class_names(spec.classes)
    write_lines(folder / "variants.txt", list(names))
    number = 0
    for split, listed in (("train", "trainval"), ("test", "test")):
        lines = []
        for _, scene in drawn_scenes(spec, split):
            number += 1
            _save(scene, folder / "images" / f"{number:07d}.jpg")
            lines.append(f"{number:07d} {names[scene.label]}")
        write_lines(folder / f"images_variant_{listed}.txt", lines)


def write_inaturalist(spec: Shapes, root: Path) -> None:
    """`root`/inat2017 (5,089 classes) or inat2018: images by class, and the JSON of each split."""
    year, inside = (2017, "train_val_images") if spec.classes == 5089 else (2018, "train_val2018")
    folder, names = root / f"inat{year}", class_names(spec.classes)
    categories = [{"id": n, "name": name} for n, name in enumerate(names)]
    number = 0
    for split in ("train", "val"):
        images: list[dict[str, object]] = []
        marks: list[dict[str, object]] = []
        for _, scene in drawn_scenes(spec, split):
            number += 1
            file = f"{inside}/{names[scene.label]}/{number:08d}.jpg"
            _save(scene, folder / file)
            sides = {"width": spec.size, "height": spec.size}
            images.append({"id": number, "file_name": file, **sides})
            marks.append({"id": number, "image_id": number, "category_id": scene.label})
        document = {"images": images, "annotations": marks, "categories": categories}
        (folder / f"{split}{year}.json").write_text(json.dumps(document))


def write_places(spec: Shapes, root: Path) -> None:
    """`root`/places205: images by first letter and category, and a list for each split."""
    folder, names = root / "places205", class_names(spec.classes)
    for split in ("train", "val"):
        lines = []
        for index, scene in drawn_scenes(spec, split):
            name = names[scene.label]
            file = f"{name[0]}/{name}/gsun_{split}_{index}.jpg"
            _save(scene, folder / "images" / file)
            lines.append(f"{file},{scene.label}")
        write_lines(folder / f"{split}_places205.csv", lines)


def write_coco_folder(spec: Shapes, root: Path) -> None:
    """`root`/coco, where the official set lies."""
    (root / "coco").mkdir(parents=True)
    write_coco(spec, root / "coco")


WRITERS: dict[str, Callable[[Shapes, Path], None]] = {
    "cifar-10-batches-py": write_cifar,
    "cifar-100-python": write_cifar,
    "tiny-imagenet-200": write_tiny_imagenet,
    "imagenet": write_imagenet,
    "fgvc-aircraft-2013b": write_aircraft,
    "inat2017": write_inaturalist,
    "inat2018": write_inaturalist,
    "places205": write_places,
    "coco": write_coco_folder,
}
"""Folder of the official set -> writer."""


def synsets(classes: int) -> tuple[str, ...]:
    """Names like ImageNet's, evenly from its first to its last.

    Example:
        >>> synsets(3)
        ('n01440764', 'n08257952', 'n15075141')
    """
    first, last = SYNSETS
    return tuple(f"n{first + n * (last - first) // (classes - 1):08d}" for n in range(classes))


def _jpeg(scene: Scene) -> bytes:
    file = BytesIO()
    Image.fromarray(scene.image).save(file, "jpeg", quality=JPEG_QUALITY)
    return file.getvalue()


def _save(scene: Scene, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_jpeg(scene))


def _box(scene: Scene, spec: Shapes) -> tuple[int, int, int, int]:
    """The object's box (x0, y0, x1, y1), half open; the whole image where it is hidden."""
    return scene.things[0].box if scene.things else (0, 0, spec.size, spec.size)


def _inclusive(scene: Scene, spec: Shapes) -> tuple[int, int, int, int]:
    """The same with the last pixels inside, as Tiny-ImageNet lists it."""
    x0, y0, x1, y1 = _box(scene, spec)
    return x0, y0, x1 - 1, y1 - 1
