"""The first-layer form of the terms against the expansion itself."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from mixlib.core.lam import Beta
from mixlib.methods.cutmix import Box
from mixlib.methods.mixup import Flat
from theory.expansion.dense import dense_terms
from theory.expansion.displacements import AnchorMoments
from theory.expansion.terms import swapped
from theory.first_layer import first_layer, split
from theory.moments import exact_moments
from theory.networks import blobs, small_convolutional


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
    assert pytest.approx((known.R2, known.R3), abs=1e-12) == (found.R2, found.R3)
    assert 0 <= found.R2_own <= known.R2 + 1e-12
    with pytest.raises(ValueError, match="centered"):
        first_layer(rest, weight, x + 1, y, moments, kind)


@pytest.mark.parametrize("channels", [1, 2])
def test_first_layer_form_of_a_convolution(channels):
    """R1, R2 and R3 from the unrolled convolution; own parts against dense derivatives."""
    x, labels = blobs(5, 4, 3, channels=channels)
    x, y = x - x.mean(0), F.one_hot(labels, 3).double()
    net = small_convolutional(4, 3, channels=channels).requires_grad_(False)
    moments = exact_moments(Box(), Beta(1.0), (4, 4))
    rest, weight = split(net, (channels, 4, 4))
    assert weight.shape == (16, 16 * channels)
    found = first_layer(rest, weight, x.flatten(1), y, moments)
    known = swapped(net, x, y, moments)
    assert found[:3] == pytest.approx(known[1:], abs=1e-12)
    # x_i x_i^T in the place of C_i
    flat = x.flatten(1)
    alone = moments.A.repeat(channels, channels) * flat[:, :, None] * flat[:, None]
    own = dense_terms(net, x, y, AnchorMoments(torch.ones(5).double(), 0 * flat, alone))
    assert (found.R2_own, found.R3_own) == pytest.approx((own.R2, own.R3), abs=1e-12)
    assert abs(found.R3_own) > 1e-6


def test_split_names_what_it_cannot_take():
    with pytest.raises(ValueError, match="found Softplus"):
        split(torch.nn.Sequential(torch.nn.Softplus()), (1, 4, 4))
