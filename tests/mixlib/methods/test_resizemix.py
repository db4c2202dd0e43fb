"""ResizeMix: recorded draws give the recorded images; whole partners arrive in the box."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mixlib.core.lam import Beta, Redrawn
from mixlib.core.mix import Boxes, blend
from mixlib.masks.clipped_boxes import clipped
from mixlib.methods.resizemix import placed, resized_into, resizemix


def tensor(array) -> torch.Tensor:
    return torch.from_numpy(np.array(array))


@pytest.mark.parametrize("case", range(4))
@pytest.mark.parametrize(("mode", "atol"), [("nearest", 0), ("bilinear", 1e-5)])
def test_official_images(golden, case, mode, atol):
    data = golden("methods/resizemix")
    at = f"c{case:02d}_"
    x = tensor(data[at + "images"]).float() / 255
    side = int(32 * float(data[at + "tau"]))
    col, row = data[at + "center_xy"].tolist()
    boxes = clipped(torch.tensor([[row, col]]), torch.tensor([[side, side]]), (32, 32), "drop")
    x0, y0, x1, y1 = data[at + "box_x0y0x1y1"].tolist()
    assert boxes.edges.tolist() == [[y0, x0, y1 - y0, x1 - x0]]
    mix = placed(x, tensor(data[at + "perm"]), boxes, mode)
    torch.testing.assert_close(mix.weight[:, 0], torch.full((3,), float(data[at + "lam"])))
    expected = tensor(data[at + f"mixed_{mode}"])
    torch.testing.assert_close(blend(mix, x), expected, atol=atol, rtol=0)


@pytest.mark.parametrize("case", range(4))
def test_openmixup_images(golden, case):
    data = golden("automix/resizemix")
    at = f"c{case}_"
    x = tensor(data["x"])
    side = int(16 * float(data[at + "tau"]))
    center = torch.tensor([[int(data[at + "cy_rows"]), int(data[at + "cx_cols"])]])
    boxes = clipped(center, torch.tensor([[side, side]]), (16, 16), "drop")
    c0, c1, r0, r1 = data[at + "box_c0c1r0r1"].tolist()
    assert boxes.edges.tolist() == [[r0, c0, r1 - r0, c1 - c0]]
    mix = placed(x, tensor(data[at + "perm"]), boxes, str(data[at + "mode"]))
    assert mix.weight[0, 0] == float(data[at + "lam_adj"])
    torch.testing.assert_close(blend(mix, x), tensor(data[at + "img"]), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_every_sample_has_its_own_box_and_equals_interpolation(mode):
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(6, 3, 13, 18, generator=rng)
    partner = torch.randperm(6, generator=rng)
    edges = torch.tensor([[0, 0, 13, 18], [3, 2, 5, 9], [12, 17, 1, 1], [1, 1, 2, 12]])
    edges = torch.cat([edges, torch.tensor([[4, 4, 0, 3], [6, 0, 7, 18]])])
    content = resized_into(x, partner, Boxes(edges, (13, 18)), mode)
    for b, (top, left, h, w) in enumerate(edges.tolist()):
        if h:
            expected = F.interpolate(x[partner[b]][None], (h, w), mode=mode)[0]
            inside = content[b, :, top : top + h, left : left + w]
            torch.testing.assert_close(inside, expected, atol=1e-5, rtol=1e-5)


def test_channels_last_stays():
    x = torch.randn(4, 3, 8, 8).to(memory_format=torch.channels_last)
    rng = torch.Generator().manual_seed(0)
    out = blend(resizemix().draw(x, torch.zeros(4, dtype=torch.long), None, rng), x)
    assert out.is_contiguous(memory_format=torch.channels_last)


def test_the_scale_law():
    rng = torch.Generator().manual_seed(0)
    tau = Redrawn(Beta(0.2), 0.1, 0.8).sample(4000, rng)
    assert 0.1 <= tau.min() < 0.11
    assert 0.79 < tau.max() <= 0.8
