"""Negative log-likelihood, Brier score and the signed gap against other computations."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from torchmetrics.functional.classification import multiclass_calibration_error

from downstream.calibration.measures import measure_calibration


@pytest.fixture(scope="module")
def answers():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 5, 500)
    return 2 * rng.standard_normal((500, 5)) + 2 * np.eye(5)[labels], labels


def test_every_measure_equals_another_computation(answers):
    logits, labels = answers
    found = measure_calibration(logits, labels)
    rows, truth = torch.from_numpy(logits), torch.from_numpy(labels)
    p = rows.softmax(1)
    assert found.nll == pytest.approx(F.cross_entropy(rows, truth).item())
    assert found.brier == pytest.approx((p - F.one_hot(truth, 5)).square().sum(1).mean().item())
    assert found.gap == pytest.approx(float(p.max(1).values.mean() - found.right.mean()))
    for norm, ours in (("l1", found.bins.error()), ("max", found.bins.largest_error())):
        theirs = multiclass_calibration_error(p, truth, 5, n_bins=15, norm=norm)
        assert ours == pytest.approx(float(theirs), abs=1e-6)


def test_metrics_are_percent_and_name_their_bins(answers):
    metrics = measure_calibration(*answers, bins=20).metrics()
    assert (metrics["bins"], metrics["bins_automix"], metrics["n"]) == (20, 10, 500)
    assert metrics["gap"] == pytest.approx(metrics["confidence"] - metrics["accuracy"])
    assert 0 < metrics["ece"] < metrics["mce"] <= 100


def test_adding_a_number_to_all_logits_changes_nothing(answers):
    logits, labels = answers
    here, there = (measure_calibration(logits + shift, labels).metrics() for shift in (0.0, 500.0))
    assert here == pytest.approx(there, abs=1e-9)


def test_saturated_logits_are_fully_confident():
    logits = np.array([[1000.0, 0.0], [1000.0, 0.0]])
    found = measure_calibration(logits, np.array([0, 1]))
    assert found.confidence.tolist() == [1, 1]
    assert found.bins.counts[-1] == 2
    assert found.bins.error() == pytest.approx(0.5)
    assert found.nll == pytest.approx(500)
