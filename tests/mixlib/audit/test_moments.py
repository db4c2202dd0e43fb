from __future__ import annotations

import numpy as np
import pytest

from mixlib.audit.moments import by_displacement

RNG = np.random.default_rng(0)


def test_coefficients_are_the_plain_second_moments() -> None:
    own, weight = RNG.random((20, 4, 5)), RNG.random(20)
    found = by_displacement(own, weight).by_displacement
    for down in range(-3, 4):
        for right in range(-4, 5):
            values = []
            for y in range(4):
                for x in range(5):
                    if 0 <= y + down < 4 and 0 <= x + right < 5:
                        m, k = own[:, y, x], own[:, y + down, x + right]
                        values.append((weight * (1 - m) * (1 - k) + (1 - weight) * m * k).mean())
            assert found[3 + down, 4 + right] == pytest.approx(np.mean(values))


def test_binary_masks_have_twice_the_mixup_value_at_distance_zero() -> None:
    own = (RNG.random((4000, 6, 6)) < RNG.random((4000, 1, 1))).astype(float)
    found = by_displacement(own[:2000], own[:2000].mean((1, 2)))
    assert found.at_distance(0) == pytest.approx(2 * found.mixup, rel=0.02)


def test_the_grand_mean_is_mixups_where_labels_are_areas() -> None:
    own = (RNG.random((300, 5, 7)) < 0.4).astype(float)
    weight = own.mean((1, 2))
    found = by_displacement(own, weight)
    down, right = np.abs(np.arange(-4, 5)), np.abs(np.arange(-6, 7))
    pairs = np.outer(5 - down, 7 - right)
    assert np.average(found.by_displacement, weights=pairs) == pytest.approx(found.mixup)
    assert found.distances() == [0, 1, 2, 4]
