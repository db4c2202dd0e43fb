"""Share of attention inside the true boxes."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from downstream.attention.boxes import box_cover, share_inside
from downstream.errors import InputError


def test_patches_are_covered_in_part():
    cover = box_cover([np.array([[2, 0, 8, 6]])], (8, 8), (2, 2))
    torch.testing.assert_close(cover[0], torch.tensor([[0.5, 1.0], [0.25, 0.5]]))


def test_overlapping_boxes_count_once_and_images_stay_apart():
    boxes = [np.array([[0, 0, 4, 4], [2, 0, 6, 4]]), np.array([[0, 4, 8, 8]])]
    cover = box_cover(boxes, (8, 8), (2, 2))
    torch.testing.assert_close(cover[0], torch.tensor([[1.0, 0.5], [0.0, 0.0]]))
    torch.testing.assert_close(cover[1], torch.tensor([[0.0, 0.0], [1.0, 1.0]]))


@given(st.data())
@settings(deadline=None, max_examples=30)
def test_even_attention_has_the_share_of_the_area(data):
    x0, y0 = data.draw(st.integers(0, 11)), data.draw(st.integers(0, 7))
    x1, y1 = data.draw(st.integers(x0 + 1, 12)), data.draw(st.integers(y0 + 1, 8))
    cover = box_cover([np.array([[x0, y0, x1, y1]])], (8, 12), (2, 3))
    share = share_inside(torch.full((4, 1, 2, 3), 0.2), cover)
    assert share.flatten().tolist() == pytest.approx([(x1 - x0) * (y1 - y0) / 96] * 4)
    maps = torch.rand(4, 1, 2, 3) + 0.01
    assert ((share_inside(maps, cover) >= 0) & (share_inside(maps, cover) <= 1 + 1e-6)).all()
    whole = box_cover([np.array([[0, 0, 12, 8]])], (8, 12), (2, 3))
    torch.testing.assert_close(share_inside(maps, whole), torch.ones(4, 1))


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        ([], "empty test set"),
        ([np.zeros((0, 4), int)], "image 0 has no true box"),
        ([np.array([[0, 0, 9, 4]])], r"found \(0, 0, 9, 4\)"),
        ([np.array([[-1, 0, 4, 4]])], "boxes inside the 8 x 8 image"),
        ([np.array([[4, 4, 4, 6]])], r"found \(4, 4, 4, 6\)"),
    ],
)
def test_boxes_that_cannot_be_used_are_refused(boxes, message):
    with pytest.raises(InputError, match=message):
        box_cover(boxes, (8, 8), (2, 2))


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        (torch.ones(1, 1, 3, 3), "of the boxes' grid"),
        (torch.zeros(1, 1, 2, 2), "NaN or an empty map"),
        (torch.full((1, 1, 2, 2), torch.nan), "NaN or an empty map"),
    ],
)
def test_maps_that_cannot_be_used_are_refused(maps, message):
    with pytest.raises(InputError, match=message):
        share_inside(maps, torch.ones(1, 2, 2))


def test_grids_that_cut_pixels_are_refused():
    with pytest.raises(InputError, match="whole patches"):
        box_cover([np.array([[0, 0, 4, 4]])], (8, 8), (3, 2))
