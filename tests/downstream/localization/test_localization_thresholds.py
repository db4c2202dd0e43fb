"""Thresholds chosen on the test boxes, on a validation split, and without boxes."""

import numpy as np
import pytest

from downstream.localization.maps import gray_levels
from downstream.localization.max_box_acc import DELTAS, BoxAccuracy, evaluate, shares
from downstream.localization.readers import DataError
from downstream.localization.thresholds import (
    chosen_on_test,
    chosen_on_validation,
    chosen_without_boxes,
    otsu_level,
)

STEPS = shares(100)


@pytest.fixture(scope="module")
def splits(golden):
    """Two halves of the recorded maps, each with its boxes and what it reaches."""
    recorded = golden("evaluation/wsol_maxboxacc")
    index = recorded["gt_image_index"]
    true = [recorded["gt_boxes_224"][index == i] for i in range(36)]
    gray = [gray_levels(cam, 224) for cam in recorded["cams14"]]
    return [
        (gray[half::2], true[half::2], evaluate(gray[half::2], true[half::2], STEPS))
        for half in (0, 1)
    ]


def test_the_test_boxes_give_max_box_acc_v2_and_nothing_beats_it(splits):
    (gray, _, test), (_, _, validation) = splits
    best = chosen_on_test(test, STEPS)
    assert best.mean == pytest.approx(test.metrics()["MaxBoxAccV2"])
    for other in (
        chosen_on_validation(test, validation, STEPS),
        chosen_without_boxes(test, gray, STEPS),
    ):
        assert all(ours <= top for ours, top in zip(other.accuracy, best.accuracy, strict=True))


def test_the_validation_threshold_is_read_at_its_own_place(splits):
    (_, _, test), (_, _, validation) = splits
    found = chosen_on_validation(test, validation, STEPS)
    for delta, share, accuracy in zip(DELTAS, found.shares, found.accuracy, strict=True):
        place = int(np.flatnonzero(share == STEPS)[0])
        on_validation = (validation.all >= delta / 100).mean(0)
        assert on_validation[place] == on_validation.max()
        assert accuracy == pytest.approx(100 * (test.all[:, place] >= delta / 100).mean())
    assert chosen_on_validation(test, test, STEPS) == chosen_on_test(test, STEPS)


def test_without_boxes_one_threshold_serves_every_overlap(splits):
    gray, true, test = splits[0]
    found = chosen_without_boxes(test, gray, STEPS)
    assert len(set(found.shares)) == 1
    level = otsu_level(np.bincount(np.concatenate([g.ravel() for g in gray]), minlength=256))
    assert int(found.shares[0] * 255) >= level > int((found.shares[0] - 0.01) * 255)
    other = [boxes + 3 for boxes in true]
    moved = chosen_without_boxes(evaluate(gray, other, STEPS), gray, STEPS)
    assert moved.shares == found.shares


def brute_force(counts):
    """Variance between the two classes at every level."""
    values = np.repeat(np.arange(256), counts)
    found = []
    for level in range(256):
        low, high = values[values <= level], values[values > level]
        if len(low) and len(high):
            found.append(len(low) * len(high) * (low.mean() - high.mean()) ** 2)
        else:
            found.append(0)
    return np.array(found)


@pytest.mark.parametrize("seed", range(4))
def test_otsu_maximizes_the_variance_between_the_classes(seed):
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 9, 256) * (rng.random(256) < 0.3)
    variance = brute_force(counts)
    assert variance[otsu_level(counts)] == pytest.approx(variance.max())


def test_bad_input_is_refused(splits):
    gray, _, test = splits[0]
    with pytest.raises(ValueError, match="18 maps, those of the images, found 17"):
        chosen_without_boxes(test, gray[1:], STEPS)
    with pytest.raises(DataError, match="constant ones"):
        chosen_without_boxes(test, [np.zeros((4, 4), np.uint8)] * 18, STEPS)
    with pytest.raises(ValueError, match="at 100 thresholds, found 7"):
        chosen_on_validation(test, BoxAccuracy(test.all[:, :7], test.largest[:, :7]), STEPS)


def test_any_number_of_threads_gives_the_same(splits):
    gray, true, test = splits[0]
    seen = []
    found = evaluate(gray, true, STEPS, lambda done, total: seen.append((done, total)), workers=3)
    np.testing.assert_array_equal(found.all, test.all)
    np.testing.assert_array_equal(found.largest, test.largest)
    assert seen == [(done, 18) for done in range(1, 19)]
