"""Parts of a split: a cap and what is held out have the shares of the classes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixlib.data.images import Images, cap, hold_out

LABELS = st.lists(st.integers(0, 3), min_size=2, max_size=60)


def images(labels):
    pixels = np.arange(len(labels), dtype=np.uint8)[:, None, None, None] * np.ones(
        (1, 2, 2, 3), np.uint8
    )
    return Images(np.array(labels), ("a", "b", "c", "d"), pixels=pixels)


def which(part):
    """Places in the whole, from the pixels."""
    return part.pixels[:, 0, 0, 0].tolist()


@given(LABELS, st.data())
def test_held_out_and_kept_are_all_images_once_in_their_order(labels, data):
    held = data.draw(st.integers(1, len(labels) - 1))
    kept, apart = hold_out(images(labels), held)
    assert len(apart) == held
    assert sorted(which(kept) + which(apart)) == list(range(len(labels)))
    assert which(kept) == sorted(which(kept))
    assert [labels[i] for i in which(apart)] == apart.labels.tolist()


@given(LABELS, st.data())
def test_every_class_gives_its_share(labels, data):
    held = data.draw(st.integers(1, len(labels) - 1))
    apart = hold_out(images(labels), held)[1]
    all_of, taken = np.bincount(labels, minlength=4), np.bincount(apart.labels, minlength=4)
    # to less than one image a class
    assert (np.abs(taken - all_of * held / len(labels)) < 1).all()


@pytest.mark.parametrize("held", [0, 5, 6, -1])
def test_one_image_stays_on_either_side(held):
    with pytest.raises(ValueError, match=f"expected 1 to 4 images to hold out, found {held}"):
        hold_out(images([0, 1, 0, 1, 0]), held)


@given(LABELS, st.integers(1, 60), st.integers(1, 60))
def test_a_larger_cap_keeps_what_a_smaller_one_has(labels, one, other):
    few, more = sorted((one, other))
    assert set(which(cap(images(labels), few))) <= set(which(cap(images(labels), more)))
