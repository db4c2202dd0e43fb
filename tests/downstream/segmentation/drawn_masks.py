"""The generated world with its masks, in memory: data for tests that write no files."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downstream.segmentation.metrics import IGNORE
from mixlib.data.shapes.scenes import CLASS_NAMES, Shapes, render


@dataclass(frozen=True)
class DrawnMasks:
    """A split drawn when it is asked for; class 0 is the background, crowds are ignored."""

    spec: Shapes
    split: str

    @property
    def names(self):
        return ("background", *CLASS_NAMES[: self.spec.classes])

    def __len__(self) -> int:
        return self.spec.count(self.split)

    def image(self, number: int) -> NDArray[np.uint8]:
        return render(self.spec, self.split, number).image

    def mask(self, number: int) -> NDArray[np.uint8]:
        scene = render(self.spec, self.split, number)
        classes = np.zeros(scene.image.shape[:2], np.uint8)
        for thing in scene.things:
            classes[thing.mask] = IGNORE if thing.crowd else thing.label + 1
        return classes
