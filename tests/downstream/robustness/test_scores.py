"""Means over corruptions, mCE, and errors under attack."""

import numpy as np
import pytest
import torch
from torch import nn

from downstream.errors import InputError
from downstream.robustness.scores import (
    AttackResult,
    CorruptionAccuracy,
    accuracy_of,
    measure_attacks,
)
from downstream.robustness.severities import CORRUPTIONS


def table(seed=0, names=CORRUPTIONS):
    rng = np.random.default_rng(seed)
    return CorruptionAccuracy(names, 100 * rng.random((len(names), 5)))


def test_means_over_15_and_19():
    found = table()
    metrics = found.metrics()
    assert metrics["corruption_15"] == pytest.approx(found.accuracy[:15].mean())
    assert metrics["corruption_19"] == pytest.approx(found.accuracy.mean())
    assert metrics["fog"] == pytest.approx(found.accuracy[CORRUPTIONS.index("fog")].mean())
    assert found.mean(("fog",)) == pytest.approx(metrics["fog"])


def test_mce_divides_by_the_baseline_corruption_by_corruption():
    ours, base = table(), table(1)
    wanted = [
        (100 - ours.accuracy[row]).sum() / (100 - base.accuracy[row]).sum() for row in range(15)
    ]
    assert ours.mce(base) == pytest.approx(100 * np.mean(wanted))
    assert ours.mce(ours) == pytest.approx(100)


def test_tables_that_say_nothing_are_refused():
    with pytest.raises(InputError, match="found none of saturate"):
        table(names=CORRUPTIONS[:-1]).metrics()
    with pytest.raises(InputError, match=r"expected accuracies \[19 corruptions, 5 severities\]"):
        CorruptionAccuracy(CORRUPTIONS, np.zeros((19, 4)))
    with pytest.raises(InputError, match="in percent"):
        CorruptionAccuracy(("fog",), np.full((1, 5), 101.0))
    perfect = CorruptionAccuracy(CORRUPTIONS, np.full((19, 5), 100.0))
    with pytest.raises(InputError, match="no error on gaussian_noise"):
        table().mce(perfect)


class Brightest(nn.Module):
    """Class = the brightest of three channels."""

    def forward(self, x):
        return x.mean((2, 3))


def test_accuracy_over_batches():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (50, 8, 8, 3), np.uint8)
    best = images.mean((1, 2)).argmax(1)
    labels = np.where(np.arange(50) < 30, best, (best + 1) % 3)

    def prepare(part):
        return torch.from_numpy(part).permute(0, 3, 1, 2) / 255

    assert accuracy_of(Brightest(), images, labels, prepare, batch=7) == pytest.approx(60)
    with pytest.raises(InputError, match="found 50 labels for 0 images"):
        accuracy_of(Brightest(), images[:0], labels, prepare)
    with pytest.raises(InputError, match="from 0 to 2, found 3"):
        accuracy_of(Brightest(), images, labels + 1, prepare)


def test_the_strongest_attack_is_the_worst_for_each_image():
    clean = np.array([True, True, True, False])
    result = AttackResult(
        clean,
        {"fgsm": np.array([True, False, True, False]), "pgd": np.array([False, True, True, False])},
    )
    metrics = result.metrics()
    assert metrics["clean_error"] == 25
    assert metrics["fgsm_error"] == metrics["pgd_error"] == 50
    assert metrics["strongest_error"] == 75
    assert metrics["fgsm_gap"] == 25


def test_attacks_are_measured_over_all_images_in_order():
    x = torch.rand(10, 3, 4, 4)
    y = Brightest()(x).argmax(1)
    y[3] = (y[3] + 1) % 3
    dark = {"none": lambda model, x, y: x, "dark": lambda model, x, y: torch.zeros_like(x)}
    seen = []
    found = measure_attacks(Brightest(), [(x[:6], y[:6]), (x[6:], y[6:])], dark, seen.append)
    assert seen == [6, 10]
    np.testing.assert_array_equal(found.clean, found.survived["none"])
    assert (~found.clean).nonzero()[0].tolist() == [3]
    np.testing.assert_array_equal(found.survived["dark"], (y == 0).numpy())
    assert "fgsm_gap" not in found.metrics()
    with pytest.raises(InputError, match="empty test set"):
        measure_attacks(Brightest(), [], dark)
    with pytest.raises(InputError, match="found 3"):
        measure_attacks(Brightest(), [(x, y.clamp(min=2) + 1)], dark)
