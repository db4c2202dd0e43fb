"""Masks of the generated world, to segment without any dataset: background and every class."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downstream.segmentation.metrics import IGNORE
from mixlib.data.shapes.scenes import CLASS_NAMES, Scene, Shapes, render


@dataclass(frozen=True)
class GeneratedSegmentations:
    """A split of the generated world with a class for every pixel, drawn when it is asked for.

    Class 0 is the background; unlabeled distractors belong to it. Objects that the world marks
    as a crowd are ignored, as COCO ignores them.

    Args:
        spec: of the world.
        split: "train", "val" or "test".

    Example:
        >>> from mixlib.data.shapes.scenes import Shapes
        >>> data = GeneratedSegmentations(Shapes(train=2, size=16, classes=3), "train")
        >>> len(data), data.image(1).shape, data.mask(1).shape, data.names[0]
        (2, (16, 16, 3), (16, 16), 'background')
    """

    spec: Shapes
    split: str

    @property
    def names(self) -> Sequence[str]:
        """The background, then the classes of the world."""
        return ("background", *CLASS_NAMES[: self.spec.classes])

    def __len__(self) -> int:
        return self.spec.count(self.split)

    def image(self, number: int) -> NDArray[np.uint8]:
        """RGB uint8 [H, W, 3]."""
        return render(self.spec, self.split, number).image

    def mask(self, number: int) -> NDArray[np.uint8]:
        """Classes uint8 [H, W], or :data:`downstream.segmentation.metrics.IGNORE`."""
        return class_mask(render(self.spec, self.split, number))


def class_mask(scene: Scene) -> NDArray[np.uint8]:
    """Classes uint8 [H, W] of one generated image, 0 for the background."""
    classes = np.zeros(scene.image.shape[:2], np.uint8)
    for thing in scene.things:
        classes[thing.mask] = IGNORE if thing.crowd else thing.label + 1
    return classes
