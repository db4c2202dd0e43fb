"""Erasing keeps labels and erases what it says; RICAP patches as recorded."""

from __future__ import annotations

import pytest
import torch

from mixlib.catalog.methods import METHODS
from mixlib.core.mix import blend
from mixlib.methods.cutout import cutout
from mixlib.methods.hide_and_seek import hide_and_seek
from mixlib.methods.random_erasing import Rectangle, random_erasing
from mixlib.methods.ricap import patched


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_cutout_zeroes_a_clipped_square():
    x, y = torch.rand(200, 3, 32, 32) + 1, torch.zeros(200, dtype=torch.long)
    mix = cutout(8).draw(x, y, None, rng())
    out = blend(mix, x)
    assert torch.equal(out[out != 0], x[out != 0])
    erased = (out == 0).all(1).sum((1, 2))
    assert erased.max() == 64
    assert erased.min() >= 16
    assert torch.equal(mix.weight, torch.tensor([1.0, 0.0]).expand(200, 2))
    assert torch.equal(mix.source[:, 0], mix.source[:, 1])


@pytest.mark.parametrize("law", ["uniform", "log"])
def test_random_erasing_stays_inside_its_ranges(law):
    region = Rectangle(law=law)
    boxes = region.draw(2000, (32, 32), rng())
    top, left, height, width = boxes.edges.unbind(1)
    assert (top >= 0).all()
    assert (left >= 0).all()
    assert (top + height <= 32).all()
    assert (left + width <= 32).all()
    area = (height * width) / 1024
    assert area.min() > 0.015
    assert area.max() < 0.43
    x, y = torch.ones(500, 3, 16, 16), torch.zeros(500, dtype=torch.long)
    policy = random_erasing(0.25, law=law, fill="noise")
    out = blend(policy.draw(x, y, None, rng()), x)
    assert 0.18 < (out != x).flatten(1).any(1).float().mean() < 0.32


def test_hide_and_seek_hides_half_of_the_cells():
    x, y = torch.ones(2000, 1, 28, 28), torch.zeros(2000, dtype=torch.long)
    out = blend(hide_and_seek((4,)).draw(x, y, None, rng()), x)
    assert set(out.unique().tolist()) == {0.0, 1.0}
    cells = out.view(-1, 4, 7, 4, 7).mean((2, 4))
    assert set(cells.unique().tolist()) == {0.0, 1.0}
    assert abs(cells.mean() - 0.5) < 0.02
    whole = blend(hide_and_seek((1,)).draw(x, y, None, rng()), x)
    assert torch.equal(whole, x)


@pytest.mark.parametrize("case", range(4))
def test_ricap_images(golden, case):
    data, at = golden("methods/ricap"), f"c{case:02d}_"
    x = torch.from_numpy(data[at + "images"]).float()
    source = torch.from_numpy(data[at + "perm"]).T
    split, origin = (torch.from_numpy(data[at + key])[None] for key in ("split_rc", "offsets_rc"))
    mix = patched(x, source, split, origin)
    assert torch.equal(blend(mix, x), torch.from_numpy(data[at + "patched"]).float())
    expected = torch.from_numpy(data[at + "weights"]).float()
    torch.testing.assert_close(mix.weight, expected.expand(5, 4))


@pytest.mark.parametrize("released", [False, True])
@pytest.mark.parametrize("size", [(7, 5), (1, 1), (16, 16)])
def test_ricap_labels_are_areas(released, size):
    x = torch.eye(5)[:, :, None, None].expand(5, 5, *size)
    mix = METHODS["ricap"].make(released=released).draw(x, torch.arange(5), None, rng())
    expected = torch.zeros(5, 5).scatter_add_(1, mix.source, mix.weight)
    torch.testing.assert_close(blend(mix, x).mean((2, 3)), expected)
    assert released or torch.equal(mix.source[:, 0], torch.arange(5))
