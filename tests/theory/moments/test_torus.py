"""The closed forms without a border, against quadrature and measurements made elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from mixlib.core.lam import Beta
from theory.moments.gmix import gmix_on_plane, gmix_on_torus
from theory.moments.lam import mixup_coefficient
from theory.moments.torus import box_covariance, cutmix_polynomial

BOXES = {
    "box_r1_a1_b1": (1.0, Beta(1.0)),
    "box_r0.5_a1_b1": (0.5, Beta(1.0)),
    "box_r1_a0.2_b0.2": (1.0, Beta(0.2)),
    "box_r0.5_a2_b1": (0.5, Beta(2.0, 1.0)),
}
GAUSSIANS = {"a1_b1": Beta(1.0), "a2_b1": Beta(2.0, 1.0), "a0.2_b0.2": Beta(0.2)}


@pytest.mark.parametrize("name", BOXES)
def test_box_on_the_torus(name, recorded):
    data, (ratio, lam) = recorded("theory/torus_moments"), BOXES[name]
    down, across = data["delta_yx_fraction"].T
    found = mixup_coefficient(lam) + box_covariance(lam, ratio, down, across)
    np.testing.assert_allclose(found, data[f"{name}/A_quad"], atol=1e-9, rtol=0)
    z = (found - data[f"{name}/A_mc"]) / data[f"{name}/A_se"]
    assert np.abs(z).max() < 5
    assert not data.unread(f"{name}/")


@pytest.mark.parametrize("name", GAUSSIANS)
def test_gmix_on_torus_and_plane(name, recorded):
    data, lam = recorded("theory/torus_moments"), GAUSSIANS[name]
    down, across = data["delta_yx_fraction"].T
    for form, key in ((gmix_on_torus, "A_torus_quad"), (gmix_on_plane, "A_freeplane_quad")):
        found = form(lam, down, across)
        np.testing.assert_allclose(found, data[f"gmix_{name}/{key}"], atol=1e-9, rtol=0)
    assert not data.unread(f"gmix_{name}/")


def test_no_law_of_the_fixture_is_left_out(recorded):
    laws = {key.split("/")[0] for key in recorded("theory/torus_moments")} - {"delta_yx_fraction"}
    assert laws == {*BOXES, *(f"gmix_{name}" for name in GAUSSIANS)}


def test_cutmix_polynomial_is_the_quadrature():
    t1, t2 = (x.ravel() for x in np.meshgrid(np.linspace(0, 0.5, 7), np.linspace(0, 0.5, 7)))
    t1, t2 = np.maximum(t1, t2), np.minimum(t1, t2)
    found = 1 / 6 + box_covariance(Beta(1.0), 1.0, t1, t2)
    np.testing.assert_allclose(found, cutmix_polynomial(t1, t2), atol=1e-12)
