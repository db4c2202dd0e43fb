"""FMix: fields and masks against the reference's arrays, in definition and released indexing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mixlib.laws.fourier import Fourier, brightest, frequencies, low_pass, ramp
from mixlib.mix import blend, pair


def tensor(array) -> torch.Tensor:
    return torch.from_numpy(np.array(array))


def unit(field: torch.Tensor) -> torch.Tensor:
    """The reference scales every field to [0, 1] before it thresholds it."""
    return (field - field.min()) / (field.max() - field.min())


def released_noise(param: torch.Tensor, rows: int) -> torch.Tensor:
    """The part of the reference's array [1, H, nx, 2] that its indexing uses, as [1, nx, 2, 2]."""
    return torch.stack([param[:, 0], param[:, 1]], -1)[:, :rows]


@pytest.mark.parametrize("case", range(12))
def test_official_fields_and_masks(golden, case):
    data, at = golden("methods/fmix"), f"c{case:02d}_"
    size = tuple(data[at + "shape"].tolist())
    param = tensor(data[at + "param"]).double()

    rows, cols = frequencies(size, None, released=True)
    noise = released_noise(param, len(rows))
    field = low_pass(noise, rows, cols, size, float(data[at + "decay"]), released=True)
    expected = tensor(data[at + "field_released"])
    torch.testing.assert_close(unit(field[0]).float(), expected, atol=1e-5, rtol=0)

    if at + "field_definition" in data.files:
        rows, cols = frequencies(size, None, released=False)
        field = low_pass(param, rows, cols, size, float(data[at + "decay"]))
        definition = tensor(data[at + "field_definition"])
        torch.testing.assert_close(unit(field[0]).float(), definition, atol=1e-5, rtol=0)

    lam, soft = float(data[at + "lam"]), float(data[at + "max_soft"])
    wanted = lam * size[0] * size[1]
    for name, count in (("ceil", int(np.ceil(wanted))), ("floor", int(np.floor(wanted)))):
        mask = tensor(data[at + f"mask_{name}"]).float()
        if soft:
            ours = ramp(expected[None], torch.tensor([count]), torch.tensor([lam]), soft)
            torch.testing.assert_close(ours[0], mask, atol=1e-3, rtol=0)
        else:
            assert torch.equal(brightest(expected[None], torch.tensor([count]))[0], mask)


@pytest.mark.parametrize("case", range(3))
def test_openmixup_images(golden, case):
    data, at = golden("automix/fmix"), f"c{case}_"
    rows, cols = frequencies((16, 16), None, released=True)
    noise = released_noise(tensor(data[at + "gauss"]), len(rows))
    field = low_pass(noise, rows, cols, (16, 16), float(data["decay_power"]), released=True)
    low = tensor(data[at + "low"])
    torch.testing.assert_close(unit(field[0]), unit(low))
    lam, soft = float(data[at + "lam"]), float(data[at + "max_soft"])
    up = float(data[at + "ceil_draw"]) > 0.5
    count = torch.tensor([int(np.ceil(lam * 256) if up else np.floor(lam * 256))])
    mask = ramp(field, count, torch.tensor([lam]), soft) if soft else brightest(field, count)
    torch.testing.assert_close(mask[0], tensor(data[at + "mask"]), atol=1e-9, rtol=1e-7)
    x = tensor(data["x"])
    mixed = blend(pair(tensor(data[at + "perm"]), mask.float(), torch.tensor([lam])), x)
    torch.testing.assert_close(mixed, tensor(data[at + "img"]), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (32, 32), (17, 40)])
def test_every_field_keeps_its_own_number_of_pixels(size):
    rng = torch.Generator().manual_seed(0)
    field = torch.rand(40, *size, generator=rng, dtype=torch.float64).pow(5) * 7 - 3
    pixels = size[0] * size[1]
    count = (torch.rand(40, generator=rng) * (pixels + 1)).long()
    count[:2] = torch.tensor([0, pixels])
    kept = brightest(field, count)
    assert torch.equal(kept.sum((1, 2)).long(), count)
    worst = field.where(kept > 0, 9.0).flatten(1).amin(1)
    best = field.where(kept == 0, -9.0).flatten(1).amax(1)
    assert (worst >= best).all()


def test_equal_pixels_stay_together():
    field = torch.tensor([[[1.0, 1.0, 1.0, 2.0]]]).expand(5, 1, 4)
    kept = brightest(field, torch.arange(5)).sum((1, 2))
    assert kept.tolist() == [0, 1, 1, 1, 4]


def test_a_ramp_of_no_width_is_a_step():
    field = torch.rand(5, 8, 8)
    lam = torch.tensor([0.0, 0.004, 0.5, 0.99, 1.0])
    count = (lam * 64).round().long()
    steps = ramp(field, count, lam, 0.005)
    assert torch.equal(steps, brightest(field, count))


def test_the_cutoff_changes_next_to_nothing():
    rng = torch.Generator().manual_seed(0)
    size = (64, 64)
    rows, cols = frequencies(size, None, False)
    noise = torch.randn(20, len(rows), len(cols), 2, generator=rng)
    full = low_pass(noise, rows, cols, size, 3.0)
    few = low_pass(
        noise[:, rows.abs() <= 12][:, :, cols <= 12], *frequencies(size, 12, False), size, 3.0
    )
    assert (full - few).std() < 0.006 * full.std()
    a, b = (brightest(field, torch.full((20,), 2048)) for field in (full, few))
    assert (a != b).float().mean() < 0.01


def test_soft_masks_keep_their_mean():
    rng = torch.Generator().manual_seed(0)
    lam = torch.rand(50, generator=rng)
    own = Fourier(soft=0.2).sample(lam, (32, 32), rng)
    torch.testing.assert_close(own.mean((1, 2)), lam, atol=2e-3, rtol=0)
