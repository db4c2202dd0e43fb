"""SnapMix and GuidedMixup: their maps, boxes, tour and labels, from their definitions."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from mixlib.core.mix import Boxes, blend
from mixlib.core.net import Net
from mixlib.methods.guidedmixup import (
    blurred_shares,
    farthest_tour,
    guided,
    guidedmixup,
    spectral_residual,
)
from mixlib.methods.snapmix import BoxToBox, semantic_shares, snapmix
from tests.contracts.test_policies import network


def test_shares_sum_to_one_and_lie_where_the_class_is():
    features = torch.zeros(2, 3, 4, 4)
    features[0, 1, 0, 0] = 1.0
    weight = torch.tensor([[0.0, 2.0, 0.0], [0.0, 2.0, 0.0]])
    maps = semantic_shares(features, weight, (16, 16))
    torch.testing.assert_close(maps.sum((1, 2)), torch.ones(2))
    assert float(maps[0, :6, :6].sum()) > 0.99
    torch.testing.assert_close(maps[1], torch.full((16, 16), 1 / 256))


def test_a_box_is_resized_into_a_box():
    x = torch.arange(2 * 3 * 8 * 8.0).view(2, 3, 8, 8)
    source = Boxes(torch.tensor([[1, 2, 3, 4], [0, 0, 8, 8]]), (8, 8))
    target = Boxes(torch.tensor([[2, 1, 6, 5], [4, 4, 2, 2]]), (8, 8))
    move = BoxToBox(torch.tensor([1, 0]), source, target, bilinear=True)
    out = move(x)
    for b, (partner, into, out_of) in enumerate(
        ((1, target.edges[0], source.edges[0]), (0, target.edges[1], source.edges[1]))
    ):
        (top, left, h, w), (t, s, hh, ww) = into.tolist(), out_of.tolist()
        direct = F.interpolate(
            x[partner : partner + 1, :, t : t + hh, s : s + ww], (h, w), mode="bilinear"
        )
        torch.testing.assert_close(out[b : b + 1, :, top : top + h, left : left + w], direct)


def test_labels_are_what_the_maps_hold_inside_the_boxes():
    z = torch.rand(2, 3, 8, 8)
    maps = torch.rand(2, 8, 8)
    maps = maps / maps.sum((1, 2), keepdim=True)
    target = Boxes(torch.tensor([[0, 0, 4, 4]]), (8, 8))
    source = Boxes(torch.tensor([[2, 2, 6, 3]]), (8, 8))
    mix = snapmix().solve(z, maps, torch.tensor([1, 0]), target, source)
    torch.testing.assert_close(mix.weight[:, 0], 1 - maps[:, :4, :4].sum((1, 2)))
    torch.testing.assert_close(mix.weight[:, 1], maps.flip(0)[:, 2:, 2:5].sum((1, 2)))
    out = blend(mix, z)
    assert torch.equal(out[:, :, 4:], z[:, :, 4:])
    empty = Boxes(torch.tensor([[2, 2, 0, 3]]), (8, 8))
    unmixed = snapmix().solve(z, maps, torch.tensor([1, 0]), target, empty)
    assert torch.equal(blend(unmixed, z), z)
    torch.testing.assert_close(unmixed.weight, torch.tensor([[1.0, 0.0]] * 2))


def test_a_map_that_the_classifier_does_not_read_is_named():
    net = Net(network(3, 4).model, {"stage4": "layer1"})
    with pytest.raises(ValueError, match=r"expected 8 channels.*found 6 at 'stage4'.*map_site"):
        snapmix().draw(torch.rand(2, 3, 16, 16), torch.arange(2), net, torch.Generator())


def test_the_tour_visits_everybody_once_and_goes_far():
    points = torch.rand(9, 2, generator=torch.Generator().manual_seed(0))
    distance = torch.cdist(points, points)
    partner = farthest_tour(distance)
    here, visited = 0, []
    for _ in range(9):
        visited.append(here)
        here = int(partner[here])
    assert here == 0
    assert sorted(visited) == list(range(9))
    one, other = divmod(int(distance.argmax()), 9)
    assert int(partner[one]) == other
    assert float(distance[torch.arange(9), partner].mean()) > float(distance.mean())


def test_masks_are_shares_of_saliency():
    shares = blurred_shares(torch.rand(4, 8, 8))
    torch.testing.assert_close(shares.sum((1, 2)), torch.ones(4))
    partner = torch.tensor([1, 2, 3, 0])
    mix = guided(shares, partner)
    torch.testing.assert_close(mix.mask[0, 0], shares[0] / (shares[0] + shares[1]))
    torch.testing.assert_close(mix.weight, mix.mask.mean((2, 3)))
    # whom everybody looks at shows where nobody else is
    torch.testing.assert_close(mix.mask[:, 1], 1 - mix.mask[:, 0])


def test_a_spectral_residual_lies_on_the_object():
    # on noise: the spectrum of a flat background has exact zeros, of which nothing is left to see
    x = 0.1 * torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    x[:, :, 40:48, 8:16] += 1.0
    found = blurred_shares(spectral_residual(x))[0]
    row, col = divmod(int(found.argmax()), 64)
    assert 34 <= row <= 54
    assert 2 <= col <= 22
    assert spectral_residual(torch.rand(2, 3, 200, 150)).shape == (2, 200, 150)


def test_gradient_saliency_wants_the_network():
    policy = guidedmixup("gradient")
    assert policy.needs == {"input_grad"}
    with pytest.raises(ValueError, match="needs the net"):
        policy.draw(torch.rand(2, 3, 8, 8), torch.arange(2), None, torch.Generator())
    mix = policy.draw(torch.rand(2, 3, 16, 16), torch.arange(2), network(3, 2), torch.Generator())
    assert mix.weight.isfinite().all()


def test_maps_with_negative_scores_keep_their_shape():
    """A row of the classifier is as often negative as not."""
    features = torch.rand(4, 6, 3, 3, generator=torch.Generator().manual_seed(0))
    weight = torch.randn(4, 6, generator=torch.Generator().manual_seed(1))
    maps = semantic_shares(features, weight, (3, 3))
    cam = torch.einsum("bchw,bc->bhw", features, weight)
    cam -= cam.amin((1, 2), keepdim=True)
    torch.testing.assert_close(maps, cam / cam.sum((1, 2), keepdim=True))
    assert bool((torch.einsum("bchw,bc->bhw", features, weight).sum((1, 2)) < 0).any())
    broken = features.clone()
    broken[0, 0, 0, 0] = float("nan")
    assert (semantic_shares(broken, weight, (3, 3))[0] == 1 / 9).all()
