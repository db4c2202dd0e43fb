"""Inverse design, round trip: target -> law -> measured moments; and a designed law trains."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from lightning.fabric import Fabric

from mixlib.catalog import build as builder
from mixlib.core.lam import Beta
from mixlib.core.objective import MixOnce
from mixlib.core.policy import ByLaw
from mixlib.data.augmentations import Augment
from mixlib.data.catalog.row import SHAPES_MEAN, SHAPES_STD
from mixlib.data.images import Images
from mixlib.data.loader import Loader
from mixlib.data.shapes.scenes import CLASS_NAMES, Shapes, render_split
from mixlib.masks.designed import Cosines, Field, Mixture, Modes
from mixlib.methods.cutmix import Box
from mixlib.methods.gridmix import CoinCells
from mixlib.methods.hmix import HMix
from mixlib.methods.mixup import Flat
from mixlib.seed import generator
from mixlib.training.fit import fit
from mixlib.training.recipes import RECIPES
from theory.design import (
    Infeasible,
    by_cosines,
    by_field,
    by_mixture,
    by_modes,
    spectrum,
    violated_conditions,
)
from theory.moments import center, exact_moments, monte_carlo_moments
from theory.moments.designed import folded_second_moment
from theory.moments.lam import mixup_coefficient
from theory.moments.torus import grid_lags

SIZE = (12, 12)
LAM = Beta(1.0)


def distances(size=SIZE) -> torch.Tensor:
    down, across = grid_lags(size)
    offsets = torch.from_numpy((down * size[0]) ** 2 + (across * size[1]) ** 2)
    return offsets.sqrt().view(size)


def fading(length: float, amplitude: float, size=SIZE) -> torch.Tensor:
    """amplitude exp(-distance / length), made a covariance by cutting negative frequencies."""
    profile = torch.exp(-distances(size) / length)
    power = torch.fft.fft2(profile).real.clamp(min=0)
    profile = torch.fft.ifft2(power).real
    return profile * (amplitude / profile[0, 0])


def largest_z(law, lam=LAM, size=SIZE, n=40_000) -> float:
    measured = monte_carlo_moments(law, lam, size, n, generator(7, type(law).__name__))
    known = exact_moments(law, lam, size)
    z = (measured.A - known.A).abs() / measured.A_se.clamp(min=1e-7)
    return float(z.max())


def test_cosines_realize_a_small_target_exactly():
    target = fading(3.0, folded_second_moment(LAM) / 2)
    found = by_cosines(target, LAM)
    assert found.error < 1e-12
    assert isinstance(found.law, Cosines)
    assert largest_z(found.law) < 5


def test_a_smaller_target_is_diluted_with_mixup():
    target = fading(2.0, 0.01)
    found = by_cosines(target, LAM)
    assert isinstance(found.law, Mixture)
    assert found.error < 1e-12
    assert largest_z(found.law) < 5


def test_fields_realize_the_full_amplitude():
    target = fading(2.0, mixup_coefficient(LAM))
    found = by_field(target, LAM)
    assert isinstance(found.law, Field)
    assert found.error < 1e-3
    assert largest_z(found.law) < 5
    masks = found.law.sample(torch.full((9,), 0.3).double(), SIZE, generator(0, "field"))
    assert set(masks.unique().tolist()) == {0.0, 1.0}


def test_gaussian_shaped_targets_are_refused_with_the_reason():
    smooth = torch.exp(-(distances() ** 2) / 8) * mixup_coefficient(LAM)
    power = spectrum(smooth).clamp(min=0)
    smooth = torch.fft.ifft2(power).real * power.numel()
    smooth = smooth * (mixup_coefficient(LAM) / smooth[0, 0])
    with pytest.raises(Infeasible, match="negative spectral mass"):
        by_field(smooth, LAM)


@pytest.mark.parametrize(
    ("profile", "reason"),
    [
        (fading(2.0, 0.2), "variance"),
        (-fading(2.0, 0.1), "positive semi-definite"),
        (torch.eye(12).double().roll(1, 0) / 100, "symmetric"),
    ],
)
def test_impossible_targets_name_their_obstacle(profile, reason):
    assert any(reason in text for text in violated_conditions(profile, LAM))
    with pytest.raises(Infeasible, match=reason):
        by_field(profile, LAM)


def test_no_target_is_mixup():
    for construct in (by_cosines, by_field):
        assert construct(torch.zeros(SIZE).double(), LAM).law == Flat()


def test_too_large_for_cosines():
    with pytest.raises(Infeasible, match="cosines reach"):
        by_cosines(fading(2.0, mixup_coefficient(LAM)), LAM)


def test_modes_realize_any_shape_up_to_scale():
    rng = torch.Generator().manual_seed(0)
    factor = torch.randn(16, 3, generator=rng, dtype=torch.float64)
    found = by_modes(factor @ factor.T * 1e-4, (4, 4), LAM)
    assert isinstance(found.law, Mixture)
    assert found.error < 1e-12
    big = by_modes(factor @ factor.T, (4, 4), LAM)
    ratio = big.realized / big.target
    assert isinstance(big.law, Modes)
    assert (ratio - ratio[0, 0]).abs().max() < 1e-9
    assert largest_z(big.law, size=(4, 4)) < 5
    with pytest.raises(Infeasible, match="positive semi-definite"):
        by_modes(-factor @ factor.T, (4, 4), LAM)


def test_mixtures_find_a_known_mixture():
    laws = (Flat(), Box("wrap"), HMix(0.5))
    truth = Mixture(laws, (0.2, 0.5, 0.3))
    pixel = center((8, 8))
    row = exact_moments(truth, LAM, (8, 8), torch.tensor([pixel])).row(pixel)
    found = by_mixture(row, laws, LAM, pixel)
    assert found.error < 1e-6
    torch.testing.assert_close(torch.tensor(found.law.weights), torch.tensor(truth.weights))
    assert largest_z(truth, size=(8, 8)) < 5


def test_every_part_of_a_mixture_has_the_mixture_s_label():
    # CutMix' label is the realized area, so the cells' is, too, which by themselves take lambda's
    law = Mixture((CoinCells(), Box()), (1.0, 1.0))
    exact = exact_moments(law, LAM, (8, 8))
    seen = monte_carlo_moments(law, LAM, (8, 8), 60_000, generator(1, "mixture"))
    assert ((exact.a - seen.a) / seen.a_se).abs().max() < 5
    assert ((exact.A - seen.A) / seen.A_se).abs().max() < 5
    alone = exact_moments(Mixture((CoinCells(),), (1.0,)), LAM, (8, 8))
    assert (alone.A - exact_moments(CoinCells(), LAM, (8, 8)).A).abs().max() < 1e-12


@pytest.mark.parametrize(
    "make",
    [
        lambda: Cosines((), ()),
        lambda: Cosines(((1, 0),), (-1.0,)),
        lambda: Field(-torch.ones(2, 2).double()),
        lambda: Field(torch.ones(2, 2).double()).sample(torch.ones(1).double(), (3, 3), rng()),
        lambda: Modes(2 * torch.ones(1, 2, 2).double(), torch.ones(1).double()),
        lambda: Mixture((Flat(),), (0.5, 0.5)),
        lambda: Mixture((Flat(),), (-1.0,)),
    ],
)
def test_bad_arguments_are_refused(make):
    with pytest.raises(ValueError, match=r"needs|designed"):
        make()


def rng() -> torch.Generator:
    return generator(0, "x")


def demo_loaders(batch: int) -> tuple[Loader, Loader]:
    """Training and test batches of the demo's generated images, fewer of them, 32 pixels."""
    spec = Shapes(train=256, val=128, size=32)
    made = []
    for split in ("train", "val"):
        pixels, labels = render_split(spec, split)
        images, train = Images(labels, CLASS_NAMES, pixels=pixels), split == "train"
        augment = Augment(32, flip=0.0)
        made.append(Loader(images, augment, batch, 0, train, mean=SHAPES_MEAN, std=SHAPES_STD))
    return made[0], made[1]


@pytest.mark.parametrize("kind", ["cosines", "field"])
def test_two_epochs_of_demo_training_with_a_designed_law(kind):
    """Target -> law -> measured moments, and the same law in mixlib's own training loop, network
    and objective."""
    size = (32, 32)
    amplitude = folded_second_moment(LAM) / 2 if kind == "cosines" else mixup_coefficient(LAM)
    found = (by_cosines if kind == "cosines" else by_field)(fading(3.0, amplitude, size), LAM)
    assert found.error < 1e-3
    middle = torch.tensor([center(size)])
    measured = monte_carlo_moments(found.law, LAM, size, 20_000, generator(8, kind), rows=middle)
    assert measured.largest_z(exact_moments(found.law, LAM, size, rows=middle)) < 5
    train, test = demo_loaders(batch=32)
    objective = MixOnce(builder.net("resnet10_w16", 10, seed=0), ByLaw(found.law, LAM))
    recipe = replace(RECIPES["cifar_300"], epochs=2, batch=32, augment="none")
    fabric = Fabric(accelerator="cpu", devices=1)
    history = fit(objective, train, test, recipe, seed=0, fabric=fabric)
    assert history.steps == 2 * len(train)
    first, last = (row["loss"] for row in history.epochs)
    assert last < first
