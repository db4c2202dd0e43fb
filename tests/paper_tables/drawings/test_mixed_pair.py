"""Every pixel of a mixed image in its place."""

from __future__ import annotations

import pytest
import torch

from mixlib.core.mix import pair
from paper_tables.drawings.mixed_pair import mixed_image

IMAGES = torch.stack([torch.zeros(3, 64, 64), torch.ones(3, 64, 64)])


def halves():
    """The partner in the upper quarter."""
    own = torch.ones(2, 64, 64)
    own[:, :16] = 0
    return own


def test_the_partner_is_where_the_mask_is_zero():
    shown = mixed_image(pair(torch.tensor([1, 0]), halves(), torch.full((2,), 0.75)), IMAGES)
    assert shown.shares.mean((1, 2)).tolist() == [0.75, 0.25, 0]
    assert shown.weights == pytest.approx((0.75, 0.25))
    assert torch.equal(shown.image[0], shown.shares[1])


def test_what_is_filled_earns_no_label():
    fill = torch.zeros(2, 3, 64, 64)
    mix = pair(torch.arange(2), halves(), torch.ones(2), parts=(None, fill))
    shown = mixed_image(mix, IMAGES)
    assert shown.shares.mean((1, 2)).tolist() == [0.75, 0, 0.25]
    assert shown.weights == (1.0, 0.0)
