"""FMix: OpenMixup's images; the fast field and selection are the defined ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mixlib.core.mix import blend, pair
from mixlib.masks.low_pass import low_pass
from mixlib.masks.top_k import largest
from mixlib.methods.fmix import (
    BLOCK,
    FMix,
    brightest,
    columns_released,
    field,
    field_released,
    frequencies,
)


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
        assert torch.equal(largest(bright.flatten(1), count), mask.flatten(1))
    x = tensor(data["x"])
    mixed = blend(pair(tensor(data[at + "perm"]), mask.float(), torch.tensor([lam])), x)
    torch.testing.assert_close(mixed, tensor(data[at + "img"]), atol=1e-6, rtol=1e-6)


def covariance(maker, noise_shape: tuple[int, ...]) -> torch.Tensor:
    """Between all pixels of the linear image of standard normal noise."""
    count = int(np.prod(noise_shape))
    columns = maker(torch.eye(count, dtype=torch.float64).view(count, *noise_shape)).flatten(1)
    return columns.T @ columns


@pytest.mark.parametrize("size", [(8, 8), (9, 7), (16, 10), (1, 6), (5, 1), (2, 2)])
def test_the_real_form_has_the_law_of_the_defined_field(size):
    waves = low_pass(size, None, 3.0, torch.float64)
    assert waves.amplitude.shape == size
    ours = covariance(waves.field, size)
    defined = covariance(lambda noise: field(noise, size, 3.0), (size[0], size[1] // 2 + 1, 2))
    torch.testing.assert_close(ours, defined, atol=1e-12, rtol=1e-9)


@pytest.mark.parametrize("size", [(32, 32), (31, 40)])
def test_the_cutoff_leaves_out_2e_5_of_the_variance(size):
    full, few = (low_pass(size, cutoff, 3.0, torch.float64) for cutoff in (None, 12))
    # waves but the first and the last of an even axis have mean square 1/2
    held = []
    for waves in (full, few):
        down, across = waves.down.square().mean(0), waves.across.square().mean(1)
        power = waves.amplitude.square() * down[:, None] * across
        held.append(float(power.sum() - power[0, 0]))  # a constant changes no mask
    assert 0 < 1 - held[1] / held[0] < 2e-5


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (32, 32), (17, 40)])
def test_every_field_keeps_its_own_number_of_pixels(size):
    rng = torch.Generator().manual_seed(0)
    pixels = size[0] * size[1]
    bright = torch.rand(40, pixels, generator=rng, dtype=torch.float64).pow(5) * 7 - 3
    before = bright.clone()
    count = (torch.rand(40, generator=rng) * (pixels + 1)).long()
    count[:2] = torch.tensor([0, pixels])
    kept = largest(bright, count)
    assert torch.equal(kept.sum(1).long(), count)
    worst, best = bright.where(kept > 0, 9.0).amin(1), bright.where(kept == 0, -9.0).amax(1)
    assert (worst >= best).all()
    assert torch.equal(bright, before)


def test_of_equal_pixels_the_first_are_taken():
    bright = torch.tensor([1.0, 0.0, 1.0, 2.0, 1.0]).expand(6, 5)
    kept = largest(bright, torch.arange(6))
    order = [3, 0, 2, 4, 1]
    expected = torch.tensor([[float(p in order[:k]) for p in range(5)] for k in range(6)])
    assert torch.equal(kept, expected)
    whole = brightest(bright[:, None], torch.arange(6), torch.zeros(6, dtype=torch.int64))
    assert torch.equal(whole[:, 0].sum(1), kept.sum(1))


@pytest.mark.parametrize("released", [False, True])
def test_a_batch_in_several_blocks_is_made_of_its_masks(released):
    size = (300, 400)
    spectrum = ("two_rows", "even") if released else ("full", "unbiased")
    law, n = FMix(3.0, 0.0, *spectrum), 2 * BLOCK // (300 * 400) + 1
    lam = torch.linspace(0.1, 0.9, n, dtype=torch.float64)
    own = law.draw(lam, size, torch.Generator().manual_seed(3))
    assert ((own.mean((1, 2)) - lam).abs() < 1.001 / (300 * 400)).all()
    shape = (n, 2, columns_released(400), 2) if released else (n, 25, 25)
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(3))
    fields = field_released(noise, size, 3.0) if released else low_pass(size, 12, 3.0).field(noise)
    for mask, bright in zip(own, fields, strict=True):
        # products of other shapes round differently: the threshold may pass by some pixels
        taken = largest(bright.flatten()[None], mask.sum()[None].long()).view(size)
        assert (mask != taken).sum() <= 8


def test_soft_masks_keep_their_mean():
    rng = torch.Generator().manual_seed(0)
    lam = torch.rand(50, generator=rng)
    own = FMix(max_soft=0.2).sample(lam, (32, 32), rng)
    torch.testing.assert_close(own.mean((1, 2)), lam, atol=2e-3, rtol=0)
