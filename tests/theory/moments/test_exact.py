"""Exact moments against independently made exact ones, against measurements and each other."""

from __future__ import annotations

import re
import time

import numpy as np
import pytest
import torch
from scipy.special import beta as beta_function

from mixlib.core.lam import Beta, Fixed, Uniform
from mixlib.methods.cutmix import Box
from mixlib.methods.fmix import FMix
from mixlib.methods.gmix import GMix
from mixlib.methods.gridmix import CoinCells, Holes
from mixlib.methods.hmix import HMix
from mixlib.methods.mixup import Flat
from mixlib.methods.random_tokens import CountedCells
from mixlib.methods.token_blocks import Blocks
from mixlib.seed import generator
from theory.moments import center, exact_moments, key_identity, monte_carlo_moments
from theory.moments.lam import UniformSide, mixup_coefficient, moment, nodes
from theory.moments.monte_carlo import sample_labeled_masks

CASES = {
    "resizemix_0.1_0.8": (Box(odd="drop"), UniformSide(), "law"),
    "tokenrandom_G4_n9": (CountedCells((4, 4), extra=1), Fixed(0.5), "law"),
    "gridcells_G4_a1_b1": (CoinCells((4, 4)), Beta(1.0), "law"),
    "cutmix_nocorr_a1_b1": (Box(odd="drop", label="drawn"), Beta(1.0), "law"),
    "cutout_L4": (Box(odd="drop"), Fixed(0.75), "own"),
}
for a in (1.0, 0.2):
    for name, law in {
        "mixup": Flat(),
        "cutmix": Box(odd="drop"),
        "gmix": GMix(),
        "hmix_r0.5": HMix(0.5),
        "hmix_r1": HMix(1.0),
    }.items():
        CASES[f"{name}_a{a:g}_b{a:g}"] = (law, Beta(a), "law")
SAMPLED = {
    "fmix_official_d3_a1_b1": (FMix(spectrum="two_rows", rounding="even"), Beta(1.0)),
    "fmix_stationary_d3_a1_b1": (FMix(), Beta(1.0)),
    "tokenblock_G8_n36": (Blocks((8, 8), extra=4), Fixed(0.5)),
    # no crop, two holes per axis, no phase: the mask is fixed by lambda
    "gridmix_h2_a1_b1": (Holes((2, 2), area=(1.0, 1.0), aspect=(1.0, 1.0)), Beta(1.0)),
}


def largest_z(value, reference, error, own_error=0.0) -> float:
    return float(np.max(np.abs(value - reference) / np.hypot(np.maximum(error, 1e-7), own_error)))


LOST = 1.60407e-6


def one_pixel(data) -> np.ndarray:
    """A of a bell that has shrunk to its center pixel, u = 1 there, g = 1 / 64, at the fixture's
    places: g (1 - G)(1 - G') + (1 - g) G G' over uniform centers."""
    g, same = 1 / 64, data["triu_i"] == data["triu_j"]
    return np.where(same, 2 * g * (1 - g), g * (1 - 2 * g))


def bells_by_substitution(alpha: float, n: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """(A, a) of GMix by another quadrature: lambda = v^(1 / alpha) takes up the density's power at
    0, so that equal panels in v do; lambda > 1/2 is the mirror image."""
    edges = np.linspace(0, 0.5**alpha, 201)
    unit, weight = np.polynomial.legendre.leggauss(16)
    half, middle = np.diff(edges)[:, None] / 2, (edges[1:] + edges[:-1])[:, None] / 2
    lam = (middle + half * unit).ravel() ** (1 / alpha)
    density = 2 * (half * weight).ravel() / alpha * (1 - lam) ** (alpha - 1)
    density /= beta_function(alpha, alpha)
    assert density.sum() == pytest.approx(1, abs=1e-14)
    y, x = np.divmod(np.arange(n * n), n)
    far = (y[:, None] - y) ** 2 + (x[:, None] - x) ** 2  # [center, pixel]
    second, first = np.zeros((n * n, n * n)), np.zeros(n * n)
    for k, mass in zip(lam, density / n**2, strict=True):
        with np.errstate(under="ignore"):
            bell = np.exp(-np.pi * far / (max(k, 1e-300) * n * n))
        g = bell.mean(1, keepdims=True)
        second += mass * ((g * (1 - bell)).T @ (1 - bell) + ((1 - g) * bell).T @ bell)
        first += mass * (g * (1 - bell) + (1 - g) * bell).sum(0)
    return second, first


@pytest.mark.parametrize("alpha", [1.0, 0.2])
def test_bells_by_another_quadrature(alpha, golden):
    """Which side is right where the fixture and we differ by 5e-8 (alpha = 0.2): ours.  The fixture
    lacks a mass of lambdas so small that the bell is one pixel; its own identity, mean of A = half
    the mean of a, holds for any missing mass and did not show it."""
    second, first = bells_by_substitution(alpha)
    found = exact_moments(GMix(), Beta(alpha), (8, 8))
    np.testing.assert_allclose(found.A, second, atol=1e-13, rtol=0)
    np.testing.assert_allclose(found.a, first, atol=1e-13, rtol=0)
    data = golden("theory/mask_moments_exact")
    gap = second[data["triu_i"], data["triu_j"]] - data[f"gmix_a{alpha:g}_b{alpha:g}/A"]
    lost = LOST if alpha == 0.2 else 0.0
    np.testing.assert_allclose(gap, lost * one_pixel(data), atol=1e-12, rtol=0)


@pytest.mark.parametrize("name", [name for name in CASES if name != "cutout_L4"])
def test_exact_against_exact(name, recorded):
    data, (law, lam, share) = recorded("theory/mask_moments_exact"), CASES[name]
    found = exact_moments(law, lam, (8, 8), share=share)
    got, got_a = found.A[data["triu_i"], data["triu_j"]].numpy(), found.a.numpy()
    if name == "gmix_a0.2_b0.2":
        # what that fixture's quadrature lacks: see the test above
        got, got_a = got - LOST * one_pixel(data), got_a - LOST * 2 / 64 * 63 / 64
    np.testing.assert_allclose(got, data[f"{name}/A"], atol=1e-9, rtol=0)
    np.testing.assert_allclose(got_a, data[f"{name}/a"], atol=1e-9, rtol=0)
    assert not data.unread(f"{name}/")


def test_no_law_of_the_fixtures_is_left_out(recorded):
    exact = {key.split("/")[0] for key in recorded("theory/mask_moments_exact")}
    assert exact - {"triu_i", "triu_j"} == set(CASES) - {"cutout_L4"}
    measured = {tuple(key.split("/")[:2]) for key in recorded("theory/mask_moments_mc")}
    laws = {name for _, name in measured} - {"ref_pixels", "triu_i", "triu_j"}
    assert laws == {*CASES, *SAMPLED}


def against_8_pixels(data, name, found):
    """A and a of a fixture measured at 8 x 8; ``found`` may itself be measured."""
    i, j = data["N8/triu_i"], data["N8/triu_j"]
    none = torch.zeros_like(found.A), torch.zeros_like(found.a)
    A_se, a_se = none if found.A_se is None else (found.A_se, found.a_se)
    key = f"N8/{name}"
    error = data[f"{key}/A_se"]
    assert largest_z(found.A[i, j].numpy(), data[f"{key}/A"], error, A_se[i, j].numpy()) < 5
    assert largest_z(found.a.numpy(), data[f"{key}/a"], data[f"{key}/a_se"], a_se.numpy()) < 5
    # values in [0, 1] spread by 1/2 at most
    assert (error**2 * data[f"{key}/n"]).max() <= 0.25
    assert not data.unread(f"{key}/")


def against_16_pixels(data, name, found, law, lam, share):
    """Rows of A at 16 x 16, and the mean label share."""
    key, own_error = f"N16/{name}", 0.0 if found.A_se is None else found.A_se.numpy()
    reference, error = data[f"{key}/Arows"], data[f"{key}/Arows_se"]
    assert largest_z(found.A.numpy(), reference, error, own_error) < 5
    _, label = sample_labeled_masks(law, lam, (16, 16), 4000, generator(3, name), share)
    error = float(label.std()) * (1 / 4000 + 1 / int(data[f"{key}/n"])) ** 0.5
    assert abs(float(label.mean()) - data[f"{key}/lab_mean"]) <= 5 * error + 1e-6
    assert not data.unread(f"{key}/")


@pytest.mark.parametrize("name", CASES)
def test_exact_against_monte_carlo(name, recorded):
    data, (law, lam, share) = recorded("theory/mask_moments_mc"), CASES[name]
    against_8_pixels(data, name, exact_moments(law, lam, (8, 8), share=share))
    rows = torch.from_numpy(data["N16/ref_pixels"])
    if name == "cutout_L4":
        lam = Fixed(1 - (4 / 16) ** 2)
    wide = exact_moments(law, lam, (16, 16), rows=rows, share=share)
    against_16_pixels(data, name, wide, law, lam, share)


@pytest.mark.parametrize("name", SAMPLED)
def test_measured_laws_against_their_fixture(name, recorded):
    data, (law, lam) = recorded("theory/mask_moments_mc"), SAMPLED[name]
    rng = generator(0, "moments", name)
    against_8_pixels(data, name, monte_carlo_moments(law, lam, (8, 8), 60_000, rng))
    if name != "tokenblock_G8_n36":
        rows = torch.from_numpy(data["N16/ref_pixels"])
        wide = monte_carlo_moments(law, lam, (16, 16), 20_000, generator(1, name), rows=rows)
        against_16_pixels(data, name, wide, law, lam, "law")
    assert not data.unread(f"N16/{name}/")


@pytest.mark.parametrize("name", CASES)
def test_sampled_masks_have_the_exact_moments(name):
    law, lam, share = CASES[name]
    measured = monte_carlo_moments(law, lam, (8, 8), 60_000, generator(2, name), share=share)
    known = exact_moments(law, lam, (8, 8), share=share)
    assert largest_z(measured.A.numpy(), known.A.numpy(), measured.A_se.numpy()) < 5
    assert largest_z(measured.a.numpy(), known.a.numpy(), measured.a_se.numpy()) < 5


@pytest.mark.parametrize(
    "law",
    [
        *(Box("wrap"), Box("wrap", label="drawn"), HMix(0.5, "wrap"), Box(odd="keep"), HMix(0.7)),
        *(CoinCells((3, 2)), CoinCells((4, 2), "realized"), CoinCells((3, 3), "realized")),
    ],
    ids=str,
)
@pytest.mark.parametrize("size", [(6, 9), (5, 5)], ids=str)
@pytest.mark.parametrize("lam", [Beta(1.0), Beta(0.5, 2.0), Uniform(0.2, 0.9)], ids=str)
def test_any_size_and_border(law, size, lam):
    measured = monte_carlo_moments(law, lam, size, 40_000, generator(3, str(law), str(lam)))
    known = exact_moments(law, lam, size)
    assert largest_z(measured.A.numpy(), known.A.numpy(), measured.A_se.numpy()) < 5
    rows = torch.tensor([0, center(size), size[0] * size[1] - 1])
    some = exact_moments(law, lam, size, rows=rows)
    torch.testing.assert_close(some.A, known.A[rows], atol=1e-13, rtol=0)
    torch.testing.assert_close(some.row(center(size)), known.row(center(size)))


@pytest.mark.parametrize("law", [Box(), Box(odd="drop"), HMix(0.5), GMix(), Box("wrap")], ids=str)
def test_a_label_equal_to_the_area_ties_a_to_A(law):
    # mean of A = half the mean of a, exactly, clipped or not
    found = exact_moments(law, Beta(0.7, 1.3), (12, 12))
    assert abs(found.A.mean() - found.a.mean() / 2) < 1e-13


@pytest.mark.parametrize(
    "law",
    [Flat(), Box("wrap", label="drawn"), HMix(0.5, "wrap"), CoinCells((4, 4))],
    ids=str,
)
def test_key_identity(law):
    # A - c2 11^T is a covariance: positive semi-definite, with zero row means on a torus
    lam = Beta(1.3)
    c1, c2 = key_identity(law, lam)
    found = exact_moments(law, lam, (8, 8))
    assert torch.linalg.eigvalsh(found.A - c2).min() > -1e-12
    assert (found.a - c1).abs().max() < 1e-13
    assert c2 == pytest.approx(1.3**2 / (2.6 * 3.6))


@pytest.mark.parametrize("law", [Box(), GMix(), HMix(0.5)], ids=str)
def test_the_theorems_premise_is_checked(law):
    with pytest.raises(ValueError, match=re.escape("E[M | lambda] = lambda")):
        key_identity(law, Beta(1.0))


def test_wrong_inputs_name_the_assumption():
    with pytest.raises(ValueError, match="label share is lambda"):
        key_identity(Box("wrap"), Beta(1.0))
    with pytest.raises(ValueError, match="above 0"):
        Beta(0.0)
    with pytest.raises(ValueError, match="square"):
        exact_moments(GMix(), Beta(1.0), (4, 6))
    with pytest.raises(NotImplementedError, match="monte_carlo"):
        exact_moments(FMix(), Beta(1.0), (4, 4))


def test_grid_of_32_in_5_seconds_and_row_of_224_in_2():
    middle = torch.tensor([center((224, 224))])
    for law in (Box(odd="drop"), HMix(0.5)):
        start = time.process_time()
        exact_moments(law, Beta(1.0), (32, 32))
        whole = time.process_time()
        exact_moments(law, Beta(1.0), (224, 224), rows=middle)
        assert whole - start < 5
        assert time.process_time() - whole < 2


@pytest.mark.parametrize(
    "lam", [Beta(0.2), Beta(2.0, 0.3), Uniform(0.1, 0.6), Fixed(0.4), UniformSide()], ids=str
)
def test_nodes_agree_with_closed_moments(lam):
    points, weights = nodes(lam, np.array([0.25, 0.5, 0.55]))
    for power in range(4):
        assert abs(weights @ points**power - moment(lam, power)) < 1e-12
    draws = lam.sample(100_000, generator(4, str(lam)))
    assert abs(draws.mean() - moment(lam, 1)) < 5 * draws.std() / 300 + 1e-12
    assert mixup_coefficient(lam) > 0


@pytest.mark.parametrize("lam", [Beta(0.2), Beta(1.0), Uniform(0.2, 0.9), Fixed(0.3)], ids=str)
@pytest.mark.parametrize("grid", [(1, 1), (2, 3), (3, 3)], ids=str)
def test_counted_cells_with_a_random_rounding(grid, lam):
    law, size = CountedCells(grid), (6, 9 if grid[1] == 3 else 6)
    measured = monte_carlo_moments(law, lam, size, 40_000, generator(6, str(law), str(lam)))
    known = exact_moments(law, lam, size)
    assert measured.largest_z(known) < 5
    assert abs(known.A.mean() - known.a.mean() / 2) < 1e-13  # the label is the realized mean
