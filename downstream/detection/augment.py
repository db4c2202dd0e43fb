"""Resizing and flipping of images and boxes for the detector.

Detectron2's ResizeShortestEdge and RandomFlip: the short side becomes `short`, unless the long
side would pass `longest`; PIL bilinear (antialiased) on uint8; sizes rounded half up.
"""

import numpy as np
from PIL import Image

from downstream.detection.readers import Record
from mixlib.data.errors import wrong
from mixlib.data.open_image import open_image


def shortest_edge_size(width: int, height: int, short: int, longest: int) -> tuple[int, int]:
    """(width, height) in pixels with the short side at `short`, or the long one at `longest`."""
    scale = short / min(width, height)
    new_width, new_height = (short, scale * height) if width < height else (scale * width, short)
    if max(new_width, new_height) > longest:
        scale = longest / max(new_width, new_height)
        new_width, new_height = new_width * scale, new_height * scale
    return max(1, int(new_width + 0.5)), max(1, int(new_height + 0.5))


def pixels(record: Record) -> np.ndarray:
    """The image uint8 [h,w,3] RGB, turned upright by its EXIF tag.

    Raises DataError when the file is missing, unreadable, or of another size than annotated.
    """
    if record.image is not None:
        return record.image
    assert record.path is not None
    image = np.asarray(open_image(record.path, upright=True))
    if image.shape[:2] != (record.height, record.width):
        raise wrong(
            record.path,
            f"{record.width} x {record.height} pixels as annotated",
            f"{image.shape[1]} x {image.shape[0]}",
            "image and annotation do not belong together",
        )
    return image


def resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The image uint8 [h,w,3] at `size` = (width, height); unchanged if that is its size."""
    if (image.shape[1], image.shape[0]) == size:
        return image
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))


def place_boxes(
    boxes: np.ndarray, old: tuple[int, int], new: tuple[int, int], flip: bool
) -> np.ndarray:
    """Boxes [N,4] of an image resized from `old` to `new` (w, h), mirrored, and cut to it."""
    width, height = new
    factor = (width / old[0], height / old[1])
    placed = boxes * np.array([*factor, *factor])
    if flip:
        placed[:, [0, 2]] = width - placed[:, [2, 0]]
    return placed.clip(0, np.array([width, height, width, height]))


def visible(boxes: np.ndarray) -> np.ndarray:
    """Mask [N] of boxes with both sides above 1e-5 px, the reference's limit for training."""
    return ((boxes[:, 2:] - boxes[:, :2]) > 1e-5).all(axis=1)
