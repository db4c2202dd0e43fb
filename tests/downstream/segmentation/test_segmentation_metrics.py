"""mIoU, mAcc and pixel accuracy against a brute-force count and another library."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from torchmetrics.functional.classification import multiclass_accuracy, multiclass_jaccard_index

from downstream.errors import InputError
from downstream.segmentation.metrics import IGNORE, count_pixels, empty

CLASSES = 4
LABELS = st.sampled_from([0, 1, 2, 3, IGNORE])
SHAPE = (3, 4)


def brute_force(true, ours):
    """IoU and accuracy of every class, pixel by pixel; None where they are not defined."""
    iou, found = [], []
    for label in range(CLASSES):
        both = either = mine = 0
        for a, b in zip(true.ravel().tolist(), ours.ravel().tolist(), strict=True):
            if a == IGNORE:
                continue
            both += a == label and b == label
            either += a == label or b == label
            mine += a == label
        iou.append(both / either if either else None)
        found.append(both / mine if mine else None)
    return iou, found


def defined(values):
    return [value for value in values if value is not None]


@given(
    arrays.arrays(np.int64, SHAPE, elements=LABELS),
    arrays.arrays(np.int64, SHAPE, elements=st.integers(0, 3)),
)
@settings(deadline=None, max_examples=80)
def test_every_number_is_a_count_of_pixels(true, ours):
    found = count_pixels(true, ours, CLASSES)
    iou, accuracy = brute_force(true, ours)
    for values, wanted in ((found.iou(), iou), (found.accuracy(), accuracy)):
        np.testing.assert_allclose(values, [np.nan if w is None else w for w in wanted])
    if (true == IGNORE).all():
        with pytest.raises(InputError, match="at least one labeled pixel"):
            found.metrics()
        return
    metrics = found.metrics()
    assert metrics["mIoU"] == pytest.approx(100 * np.mean(defined(iou)))
    assert metrics["mAcc"] == pytest.approx(100 * np.mean(defined(accuracy)))
    seen = true != IGNORE
    assert metrics["aAcc"] == pytest.approx(100 * (true == ours)[seen].mean())
    assert metrics["classes"] == len(defined(iou))


def test_another_library_agrees():
    rng = np.random.default_rng(0)
    true = rng.integers(0, CLASSES, (5, 40, 40))
    ours = np.where(rng.random(true.shape) < 0.6, true, rng.integers(0, CLASSES, true.shape))
    true[rng.random(true.shape) < 0.1] = IGNORE
    metrics = count_pixels(true, ours, CLASSES).metrics()
    arguments = (torch.from_numpy(ours), torch.from_numpy(true), CLASSES)
    for name, other in (("mIoU", multiclass_jaccard_index), ("mAcc", multiclass_accuracy)):
        theirs = other(*arguments, average="macro", ignore_index=IGNORE)
        assert metrics[name] == pytest.approx(100 * float(theirs), abs=1e-4)


def test_matrices_add_up():
    rng = np.random.default_rng(1)
    true, ours = rng.integers(0, CLASSES, (2, 6, 5, 5))
    parts = empty(CLASSES)
    for a, b in zip(true, ours, strict=True):
        parts = parts + count_pixels(a, b, CLASSES)
    np.testing.assert_array_equal(parts.counts, count_pixels(true, ours, CLASSES).counts)


@pytest.mark.parametrize(
    ("true", "ours", "message"),
    [
        (np.zeros((2, 3), int), np.zeros((3, 2), int), r"size \[2, 3\], found \[3, 2\]"),
        (np.full((1, 1), 4), np.zeros((1, 1), int), "true classes 0 to 3, found 4"),
        (np.zeros((1, 1), int), np.full((1, 1), 9), "predicted classes 0 to 3, found 9"),
        (np.full((1, 1), -1), np.zeros((1, 1), int), "found -1"),
    ],
)
def test_masks_that_do_not_fit_are_refused(true, ours, message):
    with pytest.raises(InputError, match=message):
        count_pixels(true, ours, CLASSES)


def test_one_class_only_is_refused():
    with pytest.raises(InputError, match="one class only"):
        empty(1)
