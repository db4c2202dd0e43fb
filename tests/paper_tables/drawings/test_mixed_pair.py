"""Every pixel of a mixed image in its place."""

from __future__ import annotations

import pytest
import torch

from mixlib.core.boxes import Boxes
from mixlib.core.mix import pair
from paper_tables.drawings.mixed_pair import BY_AREA, CUT, NOT_ONE, label_notes, mixed_image

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


def notes(own, weight, lam):
    mix = pair(torch.tensor([1, 0]), own, weight)
    return label_notes(mix, mixed_image(mix, IMAGES), lam)


def box(*edges):
    boxes = Boxes(torch.tensor([edges, edges]), (64, 64))
    return boxes, boxes.share_outside().float()


@pytest.mark.parametrize(
    ("edges", "lam", "said"),
    [
        ((0, 16, 40, 48), 0.25, (CUT, BY_AREA)),  # of 55 rows 40 are left
        ((0, 24, 64, 40), 0.0, (CUT, BY_AREA)),  # the whole image, moved to the right
        ((0, 0, 0, 0), 1.0, ()),
        ((8, 0, 32, 32), 0.75, ()),  # whole, and so is its area
        ((0, 0, 31, 31), 0.75, (BY_AREA,)),  # at the border, but only rounded
    ],
)
def test_a_box_that_the_border_cuts_is_said(edges, lam, said):
    assert notes(*box(*edges), lam) == said


def test_a_label_that_is_not_lambda_is_said():
    quarter = torch.full((2,), 0.75)
    assert notes(halves(), quarter, 0.5) == (BY_AREA,)
    assert notes(halves(), quarter, 0.75) == ()
    # a law of its own, and a label that is lambda whatever the mask shows
    assert notes(halves(), quarter, None) == ()
    assert notes(halves(), torch.full((2,), 0.5), 0.5) == ()
    # by content, and only near to the area
    assert notes(halves(), torch.full((2,), 0.755), 0.5) == ()


@pytest.mark.parametrize("lam", [0.5, None])
def test_weights_that_do_not_sum_to_one_are_said(lam):
    assert notes(halves(), torch.tensor([[0.75, 0.58]] * 2), lam) == (NOT_ONE,)
