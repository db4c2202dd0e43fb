"""FMix: OpenMixup's images; the fast field and selection are the defined ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mixlib.laws import FMix
from mixlib.laws.fourier import above, brightest, field, field_released, frequencies
from mixlib.laws.lowpass import bins, low_pass
from mixlib.mix import blend, pair


def tensor(array) -> torch.Tensor:
    return torch.from_numpy(np.array(array))


@pytest.mark.parametrize("case", range(3))
def test_openmixup_images(golden, case):
    data, at = golden("automix/fmix"), f"c{case}_"
    bright = field_released(tensor(data[at + "gauss"]), (16, 16), float(data["decay_power"]))
    low = tensor(data[at + "low"])
    torch.testing.assert_close(frequencies((16, 16), 9).abs(), tensor(data[at + "freqs"]))
    # the recorded field has been scaled
    scaled = [(f - f.min()) / (f.max() - f.min()) for f in (bright[0], low)]
    torch.testing.assert_close(*scaled)
    lam, soft = float(data[at + "lam"]), float(data[at + "max_soft"])
    up = float(data[at + "ceil_draw"]) > 0.5
    count = torch.tensor([int(np.ceil(lam * 256) if up else np.floor(lam * 256))])
    mask = brightest(bright, count, torch.tensor([int(256 * min(soft, lam, 1 - lam))]))
    torch.testing.assert_close(mask[0], tensor(data[at + "mask"]), atol=1e-9, rtol=1e-7)
    assert abs(float(mask.mean()) - float(data[at + "mask_mean"])) < 1e-9
    if not soft:
        assert torch.equal(above(bright, count), mask)
    x = tensor(data["x"])
    mixed = blend(pair(tensor(data[at + "perm"]), mask.float(), torch.tensor([lam])), x)
    torch.testing.assert_close(mixed, tensor(data[at + "img"]), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("size", [(8, 8), (9, 7), (16, 10), (1, 6), (5, 1)])
def test_two_small_products_are_the_fast_transform(size):
    rows, cols = bins(size, None)
    noise = torch.randn(3, len(rows), len(cols), 2, dtype=torch.float64)
    ours, defined = low_pass(noise, rows, cols, size, 3.0), field(noise, size, 3.0)
    torch.testing.assert_close(ours / (size[0] * size[1]), defined)


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (32, 32), (17, 40)])
def test_every_field_keeps_its_own_number_of_pixels(size):
    rng = torch.Generator().manual_seed(0)
    bright = torch.rand(40, *size, generator=rng, dtype=torch.float64).pow(5) * 7 - 3
    pixels = size[0] * size[1]
    count = (torch.rand(40, generator=rng) * (pixels + 1)).long()
    count[:2] = torch.tensor([0, pixels])
    kept = above(bright, count)
    assert torch.equal(kept.sum((1, 2)).long(), count)
    worst = bright.where(kept > 0, 9.0).flatten(1).amin(1)
    best = bright.where(kept == 0, -9.0).flatten(1).amax(1)
    assert (worst >= best).all()


def test_equal_pixels_stay_together():
    bright = torch.tensor([[[1.0, 1.0, 1.0, 2.0]]]).expand(5, 1, 4)
    kept = above(bright, torch.arange(5)).sum((1, 2))
    assert kept.tolist() == [0, 1, 1, 1, 4]


def test_the_cutoff_changes_next_to_nothing():
    rng = torch.Generator().manual_seed(0)
    size = (64, 64)
    rows, cols = bins(size, None)
    noise = torch.randn(20, len(rows), len(cols), 2, generator=rng)
    full = low_pass(noise, rows, cols, size, 3.0)
    few = low_pass(noise[:, rows.abs() <= 12][:, :, cols <= 12], *bins(size, 12), size, 3.0)
    assert (full - few).std() < 0.006 * full.std()
    a, b = (above(bright, torch.full((20,), 2048)) for bright in (full, few))
    assert (a != b).float().mean() < 0.01


def test_soft_masks_keep_their_mean():
    rng = torch.Generator().manual_seed(0)
    lam = torch.rand(50, generator=rng)
    own = FMix(max_soft=0.2).sample(lam, (32, 32), rng)
    torch.testing.assert_close(own.mean((1, 2)), lam, atol=2e-3, rtol=0)
