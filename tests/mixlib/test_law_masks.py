"""Mask laws of HMix, GMix, GridMix, SmoothMix and TokenMix against recorded masks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mixlib.laws.bell import bell, two_sided
from mixlib.laws.blocks import Blocks, cover
from mixlib.laws.box import clipped
from mixlib.laws.grid import Cells, lattice, to_pixels
from mixlib.laws.hybrid import Hybrid, filled
from mixlib.mix import blend, pair


def tensor(array) -> torch.Tensor:
    return torch.from_numpy(np.array(array))


@pytest.mark.parametrize("case", range(6))
def test_official_hmix_and_gmix(golden, case):
    data, at = golden("methods/hmix_gmix"), f"c{case:02d}_"
    size, lam = int(data[at + "size"]), float(data[at + "lam"])
    centre = tensor(data[at + "center_rc"])[None]
    side = int(size * np.sqrt(1 - lam) * np.sqrt(float(data[at + "r"])))
    boxes = clipped(centre, torch.full((1, 2), side), (size, size), "drop")
    r0, r1, c0, c1 = data[at + "hmix_box_r0r1c0c1"].tolist()
    assert boxes.edges.tolist() == [[r0, c0, r1 - r0, c1 - c0]]
    share = torch.tensor([lam], dtype=torch.float64)
    hybrid = filled(boxes, share)[0]
    torch.testing.assert_close(hybrid.float(), tensor(data[at + "hmix_mask"]), atol=1e-6, rtol=0)
    assert abs(float(hybrid.mean()) - float(data[at + "hmix_lam"])) < 1e-6
    mask = two_sided(centre.double(), share, (size, size))[0]
    torch.testing.assert_close(mask.float(), tensor(data[at + "gmix_mask"]), atol=1e-6, rtol=0)
    assert abs(float(mask.mean()) - float(data[at + "gmix_lam"])) < 1e-6


@pytest.mark.parametrize(("name", "case"), [(n, c) for n in ("", "_b") for c in range(2)])
def test_smoothmix_images(golden, name, case):
    data, at = golden(f"automix/smoothmix{name}"), f"c{case}_"
    x = tensor(data["x"])
    size = tuple(x.shape[-2:])
    shift = torch.tensor([[int(data[at + "shift_h"]), int(data[at + "shift_w"])]])
    centre = shift.double() + torch.tensor([(length - 1) / 2 for length in size])
    kernel = bell(centre, 2 * tensor(data[at + "sigma"]).double()[None] ** 2, size)
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
    covered = cover(recorded(draws), count, (14, 14))
    assert torch.equal(covered[0].to(torch.uint8), mask)
    own = to_pixels(~covered, (28, 28)).float()
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


@pytest.mark.parametrize("lam", [0.0, 0.3, 1.0])
def test_fixed_cells_have_their_number(lam):
    rng = torch.Generator().manual_seed(0)
    own = Cells(5, "fixed").sample(torch.full((20,), lam), (10, 10), rng)
    assert ((own.sum((1, 2)) / 4 - lam * 25).abs() < 1).all()


def test_hybrids_between_mixup_and_cutmix():
    rng = torch.Generator().manual_seed(0)
    lam = torch.tensor([0.0, 0.2, 0.7, 1.0], dtype=torch.float64)
    even = Hybrid(0.0).sample(lam, (9, 9), rng)
    torch.testing.assert_close(even, lam[:, None, None].expand(4, 9, 9))
    for border in ("clip", "wrap"):
        for ratio in (0.5, 1.0):
            own = Hybrid(ratio, border).sample(lam, (9, 9), rng)
            assert own.isfinite().all()
            assert own.max() <= 1
            if border == "clip":
                torch.testing.assert_close(own.mean((1, 2)), lam)
