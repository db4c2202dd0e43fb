"""The first-layer form of the terms against the expansion itself."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from mixlib.core.lam import Beta
from mixlib.methods.cutmix import Box
from mixlib.methods.mixup import Flat
from theory.expansion.terms import swapped
from theory.first_layer import first_layer
from theory.moments import exact_moments


@pytest.mark.parametrize("kind", ["logistic", "cross-entropy"])
@pytest.mark.parametrize("law", [Flat(), Box(odd="drop")], ids=str)
def test_first_layer_form(kind, law):
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(7, 16, generator=rng, dtype=torch.float64)
    x = x - x.mean(0)
    classes = 1 if kind == "logistic" else 3
    labels = torch.arange(7) % max(classes, 2)
    y = (labels[:, None] if classes == 1 else F.one_hot(labels, classes)).double()
    weight, last = (
        torch.randn(shape, generator=rng, dtype=torch.float64) * 0.3
        for shape in ((5, 16), (classes, 5))
    )

    def rest(hidden):
        return torch.tanh(hidden) @ last.T

    def model(images):
        return rest(images.flatten(1) @ weight.T)

    moments = exact_moments(law, Beta(1.0), (4, 4))
    found = first_layer(rest, weight, x, y, moments, kind)
    known = swapped(model, x.view(-1, 1, 4, 4), y, moments, kind)
    assert pytest.approx(known.R1, abs=1e-12) == found.R1
    assert 0 <= found.R2_own <= known.R2 + 1e-12
    with pytest.raises(ValueError, match="centered"):
        first_layer(rest, weight, x + 1, y, moments, kind)
