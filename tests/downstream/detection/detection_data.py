"""Which small datasets do the detector's tests read?"""

from pathlib import Path

import numpy as np
from PIL import Image

from downstream.detection.readers import Records, records_from_arrays

OBJECT = (
    "<object><name>{name}</name><difficult>0</difficult><bndbox><xmin>{0}</xmin><ymin>{1}</ymin>"
    "<xmax>{2}</xmax><ymax>{3}</ymax></bndbox></object>"
)


def drawn(
    images: int, classes: int, side: int = 96, seed: int = 0
) -> tuple[np.ndarray, list, list]:
    """Images uint8 [N,side,side,3] of two rectangles whose color is their class; boxes, labels."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(60, 120, (images, side, side, 3), dtype=np.uint8)
    boxes, labels = [], []
    for image in pixels:
        ours, kinds = [], []
        for half in (0, 1):
            x = int(rng.integers(2, side // 2 - 30)) + half * side // 2
            y = int(rng.integers(2, side - 42))
            w, h = rng.integers(18, 28, 2).tolist()
            kind = int(rng.integers(classes))
            image[y : y + h, x : x + w] = (255 * (kind % 2), 255 * (kind // 2 % 2), 200)
            ours.append((x, y, x + w, y + h))
            kinds.append(kind)
        boxes.append(np.array(ours, float))
        labels.append(np.array(kinds))
    return pixels, boxes, labels


def drawn_records(images: int = 12, classes: int = 3, side: int = 96, seed: int = 0) -> Records:
    names = tuple(f"class {number}" for number in range(classes))
    return records_from_arrays(*drawn(images, classes, side, seed), names)


def write_voc(root: Path, classes: tuple[str, ...], images: int) -> Path:
    """The same images as a VOCdevkit with VOC2007 trainval and test, half each."""
    folder = root / "VOC2007"
    for part in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (folder / part).mkdir(parents=True)
    names = [f"{number:06d}" for number in range(images)]
    pixels, boxes, labels = drawn(images, len(classes))
    for name, image, ours, kinds in zip(names, pixels, boxes, labels, strict=True):
        Image.fromarray(image).save(folder / "JPEGImages" / f"{name}.jpg", quality=95)
        corners = (ours + np.array([1, 1, 0, 0])).astype(int).tolist()
        objects = "".join(
            OBJECT.format(*c, name=classes[k]) for c, k in zip(corners, kinds, strict=True)
        )
        height, width = image.shape[:2]
        (folder / "Annotations" / f"{name}.xml").write_text(
            f"<annotation><size><width>{width}</width><height>{height}</height></size>{objects}"
            "</annotation>"
        )
    half = images // 2
    for split, part in (("trainval", names[:half]), ("test", names[half:])):
        (folder / "ImageSets" / "Main" / f"{split}.txt").write_text("\n".join(part) + "\n")
    return root
