"""Where images and labels lie in a batch."""

from __future__ import annotations

from collections import UserDict, namedtuple

import pytest
import torch

from mixlib.core.batch import paths_of, replaced, taken

X, Y = torch.zeros(2, 3, 4, 4), torch.arange(2)
Pair = namedtuple("Pair", "images labels")


@pytest.mark.parametrize(
    ("batch", "images", "labels"),
    [
        ((X, Y), (0,), (1,)),
        (Pair(X, Y), (0,), (1,)),
        ({"labels": Y, "pixel_values": X}, ("pixel_values",), ("labels",)),
        (UserDict(image=X, label=Y), ("image",), ("label",)),
        ({"a": {"b": {"x": X}}, "y": Y}, ("a", "b", "x"), ("y",)),
        (({"image": X}, {"target": Y}), (0, "image"), (1, "target")),
    ],
)
def test_both_are_found_and_replaced(batch, images, labels):
    assert paths_of(batch) == (images, labels)
    assert taken(batch, images) is X
    new = replaced(replaced(batch, images, 1), labels, 2)
    assert type(new) is type(batch)
    assert (taken(new, images), taken(new, labels)) == (1, 2)
    assert taken(batch, images) is X
    assert taken(batch, labels) is Y


def test_what_is_missing_is_named():
    with pytest.raises(TypeError, match=r"without images.*keys="):
        paths_of({"photo": X, "label": Y})
    with pytest.raises(TypeError, match="without labels"):
        paths_of({"image": X})
    with pytest.raises(KeyError, match=r"a\.b.*photo: Tensor"):
        paths_of({"photo": X}, ("a.b", "c"))
