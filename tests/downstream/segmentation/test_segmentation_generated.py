"""Masks of the generated world: one class a pixel, background elsewhere."""

import numpy as np
import pytest

from downstream.segmentation.generated import GeneratedSegmentations, class_mask
from downstream.segmentation.metrics import IGNORE
from mixlib.data.shapes.scenes import Shapes, render

SPEC = Shapes(train=6, val=3, size=48, classes=4, objects=(1, 3), radius=(0.15, 0.3), crowd=0.5)


@pytest.mark.parametrize("number", range(6))
def test_pixels_have_the_class_of_their_object(number):
    data = GeneratedSegmentations(SPEC, "train")
    scene = render(SPEC, "train", number)
    mask = data.mask(number)
    assert mask.dtype == np.uint8
    covered = np.zeros(mask.shape, bool)
    for thing in scene.things:
        assert (mask[thing.mask] == (IGNORE if thing.crowd else thing.label + 1)).all()
        covered |= thing.mask
    assert (mask[~covered] == 0).all()
    np.testing.assert_array_equal(data.image(number), scene.image)
    np.testing.assert_array_equal(class_mask(scene), mask)


def test_classes_are_the_background_and_those_of_the_world():
    data = GeneratedSegmentations(SPEC, "val")
    assert len(data.names) == 5
    assert len(data) == 3
