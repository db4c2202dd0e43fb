"""Mask laws of GridMix, SmoothMix and TokenMix against recorded masks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mixlib.core.mix import blend, pair
from mixlib.masks.cells import enlarge
from mixlib.methods.gridmix import lattice
from mixlib.methods.smoothmix import gauss
from mixlib.methods.token_blocks import Blocks, pile


def tensor(array) -> torch.Tensor:
    return torch.from_numpy(np.array(array))


@pytest.mark.parametrize(("name", "case"), [(n, c) for n in ("", "_b") for c in range(2)])
def test_smoothmix_images(golden, name, case):
    data, at = golden(f"automix/smoothmix{name}"), f"c{case}_"
    x = tensor(data["x"])
    size = tuple(x.shape[-2:])
    shift = torch.tensor([[int(data[at + "shift_h"]), int(data[at + "shift_w"])]])
    center = shift.double() + torch.tensor([(length - 1) / 2 for length in size])
    kernel = gauss(center, tensor(data[at + "sigma"]).double()[None], size)
    torch.testing.assert_close(kernel[0].float(), tensor(data[at + "kernel"]), atol=1e-5, rtol=1e-5)
    own = (1 - kernel).float()
    mixed = blend(pair(tensor(data[at + "perm"]), own, own.mean((1, 2))), x)
    torch.testing.assert_close(mixed, tensor(data[at + "img"]), atol=1e-5, rtol=1e-5)
    # the correct label: OpenMixup's lam is the kernel's mean, the partner's share
    assert abs(float(own.mean()) - (1 - float(data[at + "kernel_mean"]))) < 1e-5


@pytest.mark.parametrize("case", range(3))
def test_gridmix_images(golden, case):
    data, at = golden("automix/gridmix"), f"c{case}_"
    x = tensor(data["x"])

    def one(key: str) -> torch.Tensor:
        return tensor(data[at + key])[None]

    place = torch.stack([one("cy"), one("cx")], 1)
    holes = lattice(one("lam"), one("n_holes"), one("area_ratio"), one("aspect"), place, (32, 32))
    assert torch.equal(holes[0].to(torch.uint8), tensor(data[at + "mask"]))
    own = (~holes).float()
    assert abs(float(own.mean()) - float(data[at + "lam_adj"])) < 1e-6
    mixed = blend(pair(tensor(data[at + "perm"]), own, own.mean((1, 2))), x)
    torch.testing.assert_close(mixed, tensor(data[at + "img"]), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("case", range(2))
def test_tokenmix_blocks(golden, case):
    data, at = golden("automix/tokenmix_block"), f"c{case}_"
    draws = data[at + "draws_kind_lo_hi_value"]
    x, mask = tensor(data["x"]), tensor(data[at + "mask"])
    lam = float(data[at + "lam"])
    count = torch.tensor([min(196, int((1 - lam) * 196) + 14)])
    covered = pile(count, (14, 14), recorded(draws))
    assert torch.equal(covered[0].to(torch.uint8), mask)
    own = enlarge((~covered).float(), (28, 28))
    mixed = blend(pair(tensor(data[at + "perm"]), own, own.mean((1, 2))), x)
    torch.testing.assert_close(mixed, tensor(data[at + "img"]), atol=2e-6, rtol=1e-5)


def recorded(draws: np.ndarray):
    """Recorded draws as unit numbers: area and aspect, then a place where the rectangle fits."""
    i = 0
    while i < len(draws):
        ranges = [(low, high - low, value) for _, low, high, value in draws[i : i + 2]]
        unit = [(value - low) / wide if wide else 0.0 for low, wide, value in ranges]
        placed = i + 2 < len(draws) and draws[i + 2][0] == 1
        unit.extend(
            (draws[i + k][3] + 0.5) / (draws[i + k][2] + 1) if placed else 0.0 for k in (2, 3)
        )
        i += 4 if placed else 2
        yield torch.tensor([unit], dtype=torch.float64)


def test_blocks_cover_what_is_asked():
    rng = torch.Generator().manual_seed(0)
    lam = torch.rand(200, generator=rng, dtype=torch.float64)
    covered = (1 - Blocks().sample(lam, (14, 14), rng)).sum((1, 2))
    missing = ((1 - lam) * 196).floor() - covered
    assert missing.min() == 0
    # the rest ran out of patience, mostly with a few tokens to go, as in the public code
    assert (missing == 0).float().mean() > 0.75
    assert missing.float().mean() < 2
