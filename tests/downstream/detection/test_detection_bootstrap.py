"""Bootstrap intervals of average precision: weights are copies of images."""

import numpy as np
import pytest

from downstream.detection.bootstrap import average_precision_intervals, weighted_precision
from downstream.detection.coco_ap import coco_matches, evaluate_coco
from downstream.detection.matches import Matches
from downstream.detection.readers import Records, record
from downstream.detection.voc_ap import evaluate_voc, voc_matches
from mixlib.data.errors import DataError

RULES = ("voc2007", "voc2012", "coco")


def drawn(images=12, classes=3, seed=0):
    """Images with two objects a class, one of them sometimes difficult, and noisy detections."""
    rng = np.random.default_rng(seed)
    items, found = [], []
    for number in range(images):
        low = rng.uniform(0, 60, (2 * classes, 2)).round()
        boxes = np.concatenate([low, low + rng.uniform(15, 39, low.shape).round()], 1)
        labels = np.tile(np.arange(classes), 2)
        difficult = (rng.random(len(labels)) < 0.2).tolist()
        items.append(record(f"{number}", (100, 100), boxes, labels, difficult=difficult))
        seen = rng.random(len(labels)) < 0.8
        moved = np.concatenate([boxes[seen] + rng.normal(0, 2, (seen.sum(), 4)), boxes[:2] / 2])
        names = np.concatenate([labels[seen], rng.integers(0, classes, 2)])
        found.append((moved, rng.random(len(moved)).round(2), names))
    return Records(tuple(items), tuple("abc"[:classes])), found


def matched(truth, found, rule):
    return (coco_matches if rule == "coco" else voc_matches)(truth, found)


def evaluated(truth, found, rule):
    if rule == "coco":
        return evaluate_coco(truth, found)
    return evaluate_voc(truth, found, rule)


@pytest.mark.parametrize("rule", RULES)
def test_weights_are_copies_of_images(rule):
    truth, found = drawn()
    rng = np.random.default_rng(1)
    weights = rng.multinomial(len(truth), np.full(len(truth), 1 / len(truth)), 4)
    table = weighted_precision(matched(truth, found, rule), rule, weights)
    for resample, counts in enumerate(weights):
        places = np.repeat(np.arange(len(truth)), counts)
        copies = Records(tuple(truth.items[place] for place in places), truth.classes)
        metrics = evaluated(copies, [found[place] for place in places], rule)
        for label, name in enumerate(truth.classes):
            ours = 100 * table[label, resample]
            assert ours.mean() == pytest.approx(metrics["per_class"][name]["AP"], abs=1e-9)
            assert ours[0] == pytest.approx(metrics["per_class"][name]["AP50"], abs=1e-9)


@pytest.mark.parametrize("rule", RULES)
def test_intervals_hold_the_evaluators_value(rule):
    truth, found = drawn()
    intervals = average_precision_intervals(matched(truth, found, rule), rule, 200)
    metrics = evaluated(truth, found, rule)
    for name, interval in intervals.items():
        assert interval.value == pytest.approx(metrics[name], abs=1e-9)
        assert interval.low < interval.value < interval.high
    wide = average_precision_intervals(matched(truth, found, rule), rule, 200, level=0.99)
    assert wide["AP"].high - wide["AP"].low > intervals["AP"].high - intervals["AP"].low
    again = average_precision_intervals(matched(truth, found, rule), rule, 200)
    assert again == intervals
    assert average_precision_intervals(matched(truth, found, rule), rule, 200, seed=1) != again


def test_the_interval_of_identical_images_is_a_point():
    truth, found = drawn(1)
    many = Records(truth.items * 10, truth.classes)
    found = average_precision_intervals(voc_matches(many, found * 10), "voc2012", 50)
    assert found["AP50"].low == pytest.approx(found["AP50"].high)


def test_a_class_without_objects_counts_as_its_rule_says():
    truth, found = drawn(classes=2)
    truth = Records(truth.items, ("a", "b", "none"))
    for rule, wanted in (("voc2007", 0.0), ("coco", np.nan)):
        table = weighted_precision(matched(truth, found, rule), rule, np.ones((1, 12), int))
        np.testing.assert_array_equal(table[2], np.full((1, 10), wanted))
        interval = average_precision_intervals(matched(truth, found, rule), rule, 20)["AP"]
        assert interval.value == pytest.approx(evaluated(truth, found, rule)["AP"])


def test_bounded_memory_gives_the_same(monkeypatch):
    truth, found = drawn()
    own = voc_matches(truth, found)
    weights = np.random.default_rng(0).integers(0, 3, (5, 12))
    whole = weighted_precision(own, "voc2007", weights)
    monkeypatch.setattr("downstream.detection.bootstrap.ENTRIES", 1)
    np.testing.assert_array_equal(weighted_precision(own, "voc2007", weights), whole)


@pytest.mark.parametrize("arguments", [("voc", 10, 0.9), ("coco", 0, 0.9), ("coco", 10, 1.0)])
def test_settings_that_cannot_be_used_are_refused(arguments):
    none = np.zeros((10, 0), bool)
    own = [Matches(np.zeros(0, int), none, none, np.ones(3, int))]
    with pytest.raises(ValueError, match="expected"):
        average_precision_intervals(own, *arguments)


ONE = np.array([[0.0, 0, 9, 9]]), np.array([0.5]), np.array([0])
BAD = {
    "another number of images": ([ONE], "detections of 2 images, found 1"),
    "label beyond the classes": ([ONE, (*ONE[:2], np.array([2]))], r"labels 0\.\.1, found 2"),
    "negative label": ([ONE, (*ONE[:2], np.array([-1]))], r"labels 0\.\.1, found -1"),
    "score that is not finite": ([(ONE[0], np.array([np.nan]), ONE[2]), ONE], "expected finite"),
    "box that is not finite": ([(ONE[0] + np.inf, *ONE[1:]), ONE], "expected finite"),
    "scores missing": ([(ONE[0], np.zeros(0), ONE[2]), ONE], "1 boxes, 0 scores and 1 labels"),
}


@pytest.mark.parametrize("rule", ["voc2007", "coco"])
@pytest.mark.parametrize("case", BAD)
def test_both_evaluators_refuse_the_same_detections(case, rule):
    item = record("i", (10, 10), [[0, 0, 9, 9]], [0])
    truth = Records((item, item), ("a", "b"))
    found, message = BAD[case]
    with pytest.raises(DataError, match=message):
        evaluated(truth, found, rule)
