"""Detections that do not fit their images or classes reach no metric."""

import numpy as np
import pytest

from downstream.detection.evaluate import judge
from downstream.detection.readers import Records, record
from mixlib.data.errors import DataError

BOXES = np.array([[10.0, 10, 30, 30], [40, 40, 80, 80]])
TRUTH = Records(
    tuple(record(name, (100, 100), BOXES, [0, 1]) for name in ("first", "second")), ("a", "b", "c")
)
GOOD = (BOXES, np.array([0.9, 0.8]), np.array([0, 1]))
RULES = ["voc2007", "voc2012", "coco"]


@pytest.mark.parametrize("rule", RULES)
def test_perfect_detections_are_perfect(rule):
    assert judge(TRUTH, [GOOD, GOOD], rule)["AP50"] > 66
    none = (np.zeros((0, 4)), np.zeros(0), np.zeros(0))
    assert judge(TRUTH, [none, none], rule)["AP50"] == 0


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    ("second", "message"),
    [
        (None, "of 2 images, found 1"),
        ((BOXES, GOOD[1], np.array([0, -1])), r"second: expected labels 0\.\.2, found -1"),
        ((BOXES, GOOD[1], np.array([0, 3])), r"second: expected labels 0\.\.2, found 3"),
        ((BOXES, GOOD[1], np.array([0, 0.5])), r"found 0\.5"),
        ((BOXES, np.array([0.9, np.nan]), GOOD[2]), "second: expected finite"),
        ((BOXES * np.inf, GOOD[1], GOOD[2]), "second: expected finite"),
        ((BOXES[:, [2, 1, 0, 3]], GOOD[1], GOOD[2]), r"second: expected \(x0, y0, x1, y1\)"),
        ((BOXES[:1], GOOD[1], GOOD[2]), "second: .* found 1 boxes, 2 scores and 2 labels"),
    ],
)
def test_what_does_not_match_is_named_by_every_rule(rule, second, message):
    found = [GOOD] if second is None else [GOOD, second]
    with pytest.raises(DataError, match=message):
        judge(TRUTH, found, rule)


@pytest.mark.parametrize("labels", [[0, 3], [-1, 0]])
def test_a_truth_beyond_its_classes_is_refused(labels):
    with pytest.raises(DataError, match=r"expected labels 0\.\.2"):
        Records((record("x", (100, 100), BOXES, labels),), TRUTH.classes)
