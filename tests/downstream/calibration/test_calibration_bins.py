"""Confidence bins: the definition's edges, and what must not change the error."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from downstream.calibration.bins import bin_confidences
from downstream.errors import InputError


def test_a_confidence_of_one_lies_in_the_last_bin():
    # torchmetrics 1.9 answers 0.525 here (its issue 3510)
    confidence = np.array([1.0, 0.95])
    bins = bin_confidences(confidence, np.array([True, False]), 10)
    assert bins.counts.tolist() == [0] * 9 + [2]
    assert bins.error() == pytest.approx(0.475)


def test_edges_belong_to_the_bin_below_and_zero_to_the_first():
    edges = np.linspace(0, 1, 6)
    bins = bin_confidences(edges, np.ones(6, bool), 5)
    assert bins.counts.tolist() == [2, 1, 1, 1, 1]
    np.testing.assert_array_equal(bins.edges, edges)


def test_one_bin_leaves_the_difference_of_the_means():
    confidence, right = np.array([0.9, 0.5, 0.7]), np.array([True, False, False])
    assert bin_confidences(confidence, right, 1).error() == pytest.approx(0.7 - 1 / 3)


def brute_force(confidence, right, bins):
    """The error by its definition, one prediction after another."""
    edges = np.linspace(0, 1, bins + 1)
    total = 0.0
    for low, high in itertools.pairwise(edges):
        inside = [i for i, c in enumerate(confidence) if low < c <= high or (c == 0 and low == 0)]
        if inside:
            gap = np.mean([right[i] for i in inside]) - np.mean([confidence[i] for i in inside])
            total += len(inside) / len(confidence) * abs(gap)
    return total


PREDICTIONS = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40)


@given(PREDICTIONS, st.integers(1, 20), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=60)
def test_the_error_is_its_definition_whatever_the_order_and_the_number_of_copies(
    predictions, bins, random
):
    confidence, right = (np.array(part) for part in zip(*predictions, strict=True))
    found = bin_confidences(confidence, right, bins)
    assert found.error() == pytest.approx(brute_force(confidence, right, bins), abs=1e-12)
    order = np.array(random.sample(range(len(right)), len(right)))
    assert bin_confidences(confidence[order], right[order], bins).error() == pytest.approx(
        found.error(), abs=1e-12
    )
    thrice = bin_confidences(np.tile(confidence, 3), np.tile(right, 3), bins)
    assert thrice.error() == pytest.approx(found.error(), abs=1e-12)
    assert abs(confidence.mean() - right.mean()) <= found.error() + 1e-12
    assert found.error() <= found.largest_error() + 1e-12 <= 1 + 1e-12
    assert found.counts.sum() == len(right)


def test_the_sorted_variant_differs_where_accuracy_falls():
    confidence = np.repeat([0.25, 0.75], [3, 1])
    right = np.array([True, True, True, False])
    bins = bin_confidences(confidence, right, 2)
    assert bins.error() == pytest.approx(0.75)
    assert bins.sorted_error() == pytest.approx(0.75 * 0.25 + 0.25 * 0.25)


@pytest.mark.parametrize(
    ("confidence", "right", "bins", "message"),
    [
        (np.array([0.5]), np.array([True]), 0, "bins must be at least 1"),
        (np.array([]), np.array([], bool), 5, "at least one image"),
        (np.array([0.5]), np.array([True, False]), 5, r"shapes \[1\] and \[2\]"),
        (np.array([1.5]), np.array([True]), 5, "not a logit"),
        (np.array([np.nan]), np.array([True]), 5, "not a logit"),
    ],
)
def test_bad_input_is_refused(confidence, right, bins, message):
    with pytest.raises(InputError, match=message):
        bin_confidences(confidence, right, bins)
