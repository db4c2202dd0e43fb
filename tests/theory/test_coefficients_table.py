"""The coefficients' page: numbers of the families, and what the pictures are."""

from __future__ import annotations

import pytest

from theory.coefficients_table import coefficients_page, reach_of
from theory.families import families


def test_reach_of_known_families():
    known = families(cells=4)
    mixup = reach_of(known["Mixup"], (16, 16), 10, 1 / 6)
    assert mixup[:3] == pytest.approx((1 / 6,) * 3)
    assert mixup.below is None  # equal is not below
    cutmix = reach_of(known["CutMix, unbiased (torus)"], (16, 16), 10, 1 / 6)
    assert cutmix.itself == pytest.approx(1 / 3)
    assert cutmix.far < 1 / 6 < cutmix.itself
    assert cutmix.below is not None
    assert 4 < cutmix.below < 8
    assert reach_of(known["SmoothMix"], (16, 16), 500, 1 / 6).below is None


def test_the_page_has_every_family_and_defines_what_it_shows():
    text = coefficients_page(16, n=100).text()
    assert text.startswith("# ")
    for name in families():
        assert f"| {name} |" in text
    for picture in ("coefficients.png", "maps.png", "spectra.png"):
        assert f"* {picture}: " in text
    assert "S(k, 0) = f_k^H A f_k / s^2" in text
    assert "The axis ends at 1e-06" in text
    assert "Mixup weighs every pair alike, 0.167" in text
