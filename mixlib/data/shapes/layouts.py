"""The generated world on disk, in the official layouts: ImageFolder, VOC, COCO, CUB and
ADE20K.

Each `write_*` fills an empty folder. The layouts are those of the official archives, down to VOC's
one-based inclusive boxes and COCO's crowd encoding, so that the readers, detectors and evaluators
used for the real datasets read the generated ones unchanged.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mixlib.data.shapes.scenes import Scene, Shapes, Thing, class_names, render

JPEG_QUALITY = 95
Entry = tuple[str, int, tuple[int, int, int, int]]
"""Path, label and box of an image."""

VOID = 255
"""VOC's index of pixels that count neither as class nor as background."""


def write_imagefolder(spec: Shapes, root: Path) -> None:
    """`root`/<split>/<class>/<index>.png for every split that holds images."""
    names = class_names(spec.classes)
    for split in ("train", "val", "test"):
        for index, scene in drawn_scenes(spec, split):
            path = root / split / names[scene.label] / f"{index:06d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            # Level 1 writes 64-pixel images four times faster than the default, 4 % larger.
            Image.fromarray(scene.image).save(path, compress_level=1)


def write_voc(spec: Shapes, root: Path) -> None:
    """`root`/VOCdevkit/VOC2007 and VOC2012.

    The training images are shared out like the official ones: the first 3 of 10 become 2007
    trainval, the others 2012 trainval, each half train and half val. The val images of the
    specification become 2007 test.
    """
    first = round(0.3 * spec.train)
    parts: dict[tuple[str, str], list[tuple[str, Scene]]] = {}
    for index, scene in drawn_scenes(spec, "train"):
        year = "VOC2007" if index < first else "VOC2012"
        name = f"{index + 1:06d}" if index < first else f"2012_{index - first + 1:06d}"
        parts.setdefault((year, ("train", "val")[index % 2]), []).append((name, scene))
    tests = [(f"{first + index + 1:06d}", scene) for index, scene in drawn_scenes(spec, "val")]
    parts[("VOC2007", "test")] = tests
    for year in ("VOC2007", "VOC2012"):
        folder = root / "VOCdevkit" / year
        for name in ("JPEGImages", "Annotations", "SegmentationClass", "ImageSets/Main"):
            (folder / name).mkdir(parents=True)
        own = {split: scenes for (y, split), scenes in parts.items() if y == year}
        for name, scene in (pair for scenes in own.values() for pair in scenes):
            _write_voc_image(folder, name, scene, class_names(spec.classes))
        own["trainval"] = sorted(
            (*own.get("train", []), *own.get("val", [])), key=lambda pair: pair[0]
        )
        for split, scenes in own.items():
            _write_voc_lists(folder / "ImageSets" / "Main", split, scenes, spec.classes)


def write_coco(spec: Shapes, root: Path) -> None:
    """`root`/{train,val}2017/*.jpg and `root`/annotations/instances_{train,val}2017.json.

    Single objects carry polygons, crowds uncompressed run lengths, as in the official files.
    Categories are numbered from 1.
    """
    (root / "annotations").mkdir(parents=True)
    for split in ("train", "val"):
        folder = root / f"{split}2017"
        folder.mkdir()
        images: list[dict[str, object]] = []
        marks: list[dict[str, object]] = []
        for index, scene in drawn_scenes(spec, split):
            name = f"{index + 1:012d}.jpg"
            Image.fromarray(scene.image).save(folder / name, quality=JPEG_QUALITY)
            size = {"width": spec.size, "height": spec.size}
            images.append({"id": index + 1, "file_name": name, "license": 1, **size})
            for thing in scene.things:
                marks.append(_coco_mark(thing, len(marks) + 1, index + 1))
        document = {
            "info": {"description": "shapes world", "version": "1", "year": 2017},
            "licenses": [{"id": 1, "name": "MIT", "url": ""}],
            "images": images,
            "annotations": marks,
            "categories": [
                {"id": number + 1, "name": name, "supercategory": "shape"}
                for number, name in enumerate(class_names(spec.classes))
            ],
        }
        path = root / "annotations" / f"instances_{split}2017.json"
        path.write_text(json.dumps(document, separators=(",", ":")))


def write_cub(spec: Shapes, root: Path) -> None:
    """`root`/CUB_200_2011 (train and test) and `root`/wsol_metadata/CUB (train, val and test).

    As with the real birds, the validation images stand only in the WSOL metadata. Boxes: x, y,
    width, height in the CUB file; x0, y0, x0 + width, y0 + height in the metadata, whose labels
    count from 0.
    """
    lists: dict[str, list[str]] = {
        name: [] for name in ("images", "image_class_labels", "train_test_split", "bounding_boxes")
    }
    number, names = 0, class_names(spec.classes)
    for split in ("train", "test", "val"):
        entries: list[Entry] = []
        for index, scene in drawn_scenes(spec, split):
            name = names[scene.label]
            path = f"{scene.label + 1:03d}.{name}/{name}_{index + 1:05d}_{split}.jpg"
            target = root / "CUB_200_2011" / "images" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(scene.image).save(target, quality=JPEG_QUALITY)
            x0, y0, x1, y1 = scene.things[0].box if scene.things else (0, 0, spec.size, spec.size)
            entries.append((path, scene.label, (x0, y0, x1, y1)))
            if split != "val":
                number += 1
                lists["images"].append(f"{number} {path}")
                lists["image_class_labels"].append(f"{number} {scene.label + 1}")
                lists["train_test_split"].append(f"{number} {int(split == 'train')}")
                corner = f"{x0:.1f} {y0:.1f} {x1 - x0:.1f} {y1 - y0:.1f}"
                lists["bounding_boxes"].append(f"{number} {corner}")
        write_wsol(root / "wsol_metadata" / "CUB" / split, entries, spec.size)
    kept = enumerate(class_names(spec.classes))
    lists["classes"] = [f"{n + 1} {n + 1:03d}.{name}" for n, name in kept]
    for name, lines in lists.items():
        write_lines(root / "CUB_200_2011" / f"{name}.txt", lines)


def write_ade20k(spec: Shapes, root: Path) -> None:
    """`root`/ADEChallengeData2016 with images and annotations of training and validation.

    Label 1 is the background, then come the classes; 0 is ignored, as in the official masks, and
    stands for crowds.
    """
    folder = root / "ADEChallengeData2016"
    for split, place in (("train", "training"), ("val", "validation")):
        for kind in ("images", "annotations"):
            (folder / kind / place).mkdir(parents=True)
        for index, scene in drawn_scenes(spec, split):
            name = f"ADE_{split}_{index + 1:08d}"
            path = folder / "images" / place / f"{name}.jpg"
            Image.fromarray(scene.image).save(path, quality=JPEG_QUALITY)
            mask = np.ones(scene.image.shape[:2], np.uint8)
            for thing in scene.things:
                mask[thing.mask] = 0 if thing.crowd else thing.label + 2
            Image.fromarray(mask).save(folder / "annotations" / place / f"{name}.png")
    names = ("background", *class_names(spec.classes))
    lines = [f"{n}\t0\t0\t0\t0\t{name}" for n, name in enumerate(names, 1)]
    write_lines(folder / "objectInfo150.txt", ["Idx\tRatio\tTrain\tVal\tStuff\tName", *lines])


WRITERS: dict[str, Callable[[Shapes, Path], None]] = {
    "imagefolder": write_imagefolder,
    "voc": write_voc,
    "coco": write_coco,
    "cub": write_cub,
    "ade20k": write_ade20k,
}
"""Layout -> writer."""


def drawn_scenes(spec: Shapes, split: str) -> Iterator[tuple[int, Scene]]:
    """The images of a split with their numbers."""
    return ((index, render(spec, split, index)) for index in range(spec.count(split)))


def write_lines(path: Path, lines: list[str]) -> None:
    """A text file of these lines; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))


def write_wsol(folder: Path, entries: list[Entry], size: int) -> None:
    """The four lists of a split in the WSOL metadata (Choe et al., CVPR 2020)."""
    write_lines(folder / "image_ids.txt", [path for path, _, _ in entries])
    write_lines(folder / "class_labels.txt", [f"{path},{label}" for path, label, _ in entries])
    write_lines(folder / "image_sizes.txt", [f"{path},{size},{size}" for path, _, _ in entries])
    boxes = [f"{path},{','.join(map(str, box))}" for path, _, box in entries]
    write_lines(folder / "localization.txt", boxes)


def _write_voc_image(folder: Path, name: str, scene: Scene, names: tuple[str, ...]) -> None:
    """JPEG, annotation and class mask of one image. Crowds and hard objects are 'difficult'."""
    Image.fromarray(scene.image).save(folder / "JPEGImages" / f"{name}.jpg", quality=JPEG_QUALITY)
    height, width, _ = scene.image.shape
    root = ElementTree.Element("annotation")
    _leaves(root, folder=folder.name, filename=f"{name}.jpg")
    _leaves(ElementTree.SubElement(root, "source"), database="shapes world")
    _leaves(ElementTree.SubElement(root, "size"), width=width, height=height, depth=3)
    _leaves(root, segmented=1)
    mask = np.zeros((height, width), np.uint8)
    for thing in scene.things:
        item = ElementTree.SubElement(root, "object")
        _leaves(item, name=names[thing.label], pose="Unspecified")
        _leaves(item, truncated=int(thing.truncated), difficult=int(thing.difficult))
        x0, y0, x1, y1 = thing.box
        # VOC counts pixels from 1 and includes both ends.
        corners = ElementTree.SubElement(item, "bndbox")
        _leaves(corners, xmin=x0 + 1, ymin=y0 + 1, xmax=x1, ymax=y1)
        mask[thing.mask] = VOID if thing.crowd else thing.label + 1
    ElementTree.indent(root, "\t")
    text = ElementTree.tostring(root, encoding="unicode")
    (folder / "Annotations" / f"{name}.xml").write_text(text + "\n")
    indexed = Image.fromarray(mask)
    indexed.putpalette(_palette())
    indexed.save(folder / "SegmentationClass" / f"{name}.png")


def _leaves(parent: ElementTree.Element, **values: str | int) -> None:
    for tag, value in values.items():
        ElementTree.SubElement(parent, tag).text = str(value)


def _palette() -> list[int]:
    """256 colors; black background, white void, classes spread around the color circle."""
    turns = np.arange(256)[:, None] * 0.618 + np.array([0.0, 1 / 3, 2 / 3])
    colors = np.round(127.5 + 100 * np.cos(2 * np.pi * turns)).astype(np.uint8)
    colors[0], colors[VOID] = 0, 255
    return [int(value) for value in colors.ravel()]


def _write_voc_lists(
    folder: Path, split: str, scenes: list[tuple[str, Scene]], classes: int
) -> None:
    """<split>.txt and <class>_<split>.txt: 1 shown, 0 shown only as difficult, -1 absent."""
    write_lines(folder / f"{split}.txt", [name for name, _ in scenes])
    for number, kind in enumerate(class_names(classes)):
        lines = []
        for name, scene in scenes:
            own = [thing.difficult for thing in scene.things if thing.label == number]
            sign = -1 if not own else 0 if all(own) else 1
            lines.append(f"{name} {sign:2d}")
        write_lines(folder / f"{kind}_{split}.txt", lines)


def _coco_mark(thing: Thing, number: int, image: int) -> dict[str, object]:
    x0, y0, x1, y1 = thing.box
    polygons = [] if thing.crowd else polygons_of(thing.mask)
    # A mask of a few scattered pixels has no polygon; run lengths always work.
    shape: object = polygons or run_lengths(thing.mask)
    return {
        "id": number,
        "image_id": image,
        "category_id": thing.label + 1,
        "bbox": [x0, y0, x1 - x0, y1 - y0],
        "area": float(thing.mask.sum()),
        "iscrowd": int(thing.crowd),
        "segmentation": shape,
    }


def run_lengths(mask: NDArray[np.bool_]) -> dict[str, list[int]]:
    """COCO's uncompressed run lengths of a mask bool[H, W]: down the columns, zeros first."""
    flat = mask.T.ravel()
    edges = [0, *np.flatnonzero(np.diff(flat, prepend=False)).tolist(), flat.size]
    return {"counts": np.diff(edges).tolist(), "size": list(mask.shape)}


def polygons_of(mask: NDArray[np.bool_]) -> list[list[float]]:
    """Outlines [x0, y0, x1, y1, ...] of a mask bool[H, W], in pixels; holes are filled.

    COCO's polygons cannot express holes either. The mask is enlarged fourfold first, because
    contours run through pixel centers and would otherwise lose half a pixel all round.
    """
    import cv2

    factor = 4
    large = mask.astype(np.uint8).repeat(factor, 0).repeat(factor, 1)
    contours, _ = cv2.findContours(large, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    outlines = []
    for contour in contours:
        points = cv2.approxPolyDP(contour, 0.45 * factor, closed=True).reshape(-1, 2)
        if len(points) >= 3:
            outlines.append(np.round((points + 0.5) / factor, 2).ravel().tolist())
    return outlines
