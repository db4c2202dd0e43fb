"""Patch occlusion: which patches, how many, with what, and what is measured."""

import numpy as np
import pytest
import torch
from torch import nn

from downstream.errors import InputError
from downstream.robustness.occlusion import drop_patches, occlusion_curve
from downstream.robustness.occlusion_settings import OcclusionSettings, count_dropped


class Bright(nn.Module):
    """Class 1 if the image is brighter than 0.5 on average; keeps what it was shown."""

    def __init__(self):
        super().__init__()
        self.shown = []

    def forward(self, x):
        self.shown.append(x)
        mean = x.mean((1, 2, 3))
        return torch.stack([torch.full_like(mean, 0.5), mean], 1) * 20


def batches(count=6, seed=0):
    x = torch.rand(count, 3, 8, 8, generator=torch.Generator().manual_seed(seed)).clamp(0.01)
    return [(x[:4], torch.ones(4, dtype=torch.long)), (x[4:], torch.ones(2, dtype=torch.long))]


def test_patches_of_each_image_or_of_all():
    x = torch.ones(2, 3, 4, 6)
    each, mask = drop_patches(x, torch.tensor([[0], [5]]), 2, torch.tensor([0.1, 0.2, 0.3]))
    assert mask.shape == (2, 4, 6)
    assert mask.sum((1, 2)).tolist() == [20, 20]
    torch.testing.assert_close(each[0, :, 0, 1], torch.tensor([0.1, 0.2, 0.3]))
    torch.testing.assert_close(each[1, :, 3, 5], torch.tensor([0.1, 0.2, 0.3]))
    same, mask = drop_patches(x, torch.tensor([0, 5]), 2, 0.0)
    assert mask.shape == (1, 4, 6)
    assert (same == 0).sum().item() == 2 * 3 * 8
    untouched, _ = drop_patches(x, torch.tensor([], dtype=torch.long), 2, 0.0)
    assert torch.equal(untouched, x)


def test_decimal_fractions_are_meant():
    assert count_dropped(10, 0.7, "floor") == 7
    assert count_dropped(100, 0.29, "floor") == 29
    assert count_dropped(10, 0.25, "round") == 2


@pytest.mark.parametrize(("fill", "color"), [("mean", 0.25), ("black", 0.0)])
def test_what_fills_the_dropped_patches(fill, color):
    model = Bright()
    settings = OcclusionSettings(patch=4, ratios=(1.0,), fill=fill)
    occlusion_curve(model, batches(), settings, (0.25,) * 3)
    assert all((shown == color).all() for shown in model.shown)


@pytest.mark.parametrize("shared", [True, False])
def test_images_share_their_patches_or_not(shared):
    model = Bright()
    settings = OcclusionSettings(patch=2, ratios=(0.5,), fill="black", shared=shared)
    occlusion_curve(model, batches(), settings, (0.0,) * 3)
    gone = (model.shown[0] == 0).all(1)
    assert gone.float().mean((1, 2)).tolist() == [0.5] * 4
    assert (gone == gone[:1]).all() == shared


def test_larger_ratios_drop_more_of_the_same():
    model = Bright()
    settings = OcclusionSettings(patch=2, ratios=(0.25, 0.5, 0.75), fill="black")
    found = occlusion_curve(model, batches(), settings, (0.0,) * 3)
    first, second, third = ((shown == 0).all(1) for shown in model.shown[:3])
    assert (first <= second).all()
    assert (second <= third).all()
    assert found.counts == (4, 8, 12)


def test_the_curve_is_that_of_each_image():
    settings = OcclusionSettings(patch=4, ratios=(0.0, 1.0), fill="black", repeats=2)
    found = occlusion_curve(Bright(), batches(), settings, (0.0,) * 3)
    assert found.right.shape == found.confidence.shape == (2, 6)
    x = torch.cat([x for x, _ in batches()])
    own = torch.softmax(Bright()(x).double(), 1)[:, 1]
    np.testing.assert_allclose(found.confidence[0], own, atol=1e-6)
    np.testing.assert_allclose(found.confidence[1], 1 / (1 + np.exp(10)), atol=1e-6)
    np.testing.assert_array_equal(found.right[0], (own > 0.5).numpy())
    assert found.top1[1] == 0


def test_salient_and_nonsalient_patches_go_in_the_order_of_the_rank():
    def brightness(x, y):
        return nn.functional.avg_pool2d(x.mean(1, keepdim=True), 4).flatten(1)

    means = {}
    for which in ("salient", "nonsalient"):
        model = Bright()
        settings = OcclusionSettings(patch=4, ratios=(0.25,), which=which, fill="black")
        occlusion_curve(model, batches(), settings, (0.0,) * 3, brightness)
        means[which] = torch.cat(model.shown).mean((1, 2, 3))
        hidden = (torch.cat(model.shown).sum(1, keepdim=True) == 0).float()
        order = brightness(torch.cat([x for x, _ in batches()]), None).argsort(1)
        place = nn.functional.avg_pool2d(hidden, 4).flatten(1).argmax(1)
        assert torch.equal(place, order[:, -1 if which == "salient" else 0])
    assert (means["salient"] < means["nonsalient"]).all()


def test_the_seed_decides():
    settings = [OcclusionSettings(patch=2, ratios=(0.5,), seed=seed) for seed in (0, 0, 1)]
    first, again, other = (
        occlusion_curve(Bright(), batches(), each, (0.1,) * 3).confidence for each in settings
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


BAD = {
    "rounding": {"rounding": "ceil"},
    "which": {"which": "largest"},
    "fill": {"fill": "white"},
    "patch and repeats": {"patch": 0},
    "repeats must be": {"repeats": 0},
    "ratios not empty": {"ratios": ()},
    r"ratios must lie in \[0, 1\]": {"ratios": (0.5, 1.5)},
}


@pytest.mark.parametrize("message", BAD)
def test_settings_that_cannot_be_used_are_refused(message):
    with pytest.raises(InputError, match=message):
        OcclusionSettings(**BAD[message])


def test_bad_input_is_refused():
    def rank(x, y):
        return torch.zeros(len(x), 9)

    with pytest.raises(InputError, match="multiples of the patch of 3"):
        occlusion_curve(Bright(), batches(), OcclusionSettings(patch=3), (0.0,) * 3)
    with pytest.raises(InputError, match="empty test set"):
        occlusion_curve(Bright(), [], OcclusionSettings(), (0.0,) * 3)
    with pytest.raises(InputError, match="needs a rank"):
        occlusion_curve(Bright(), batches(), OcclusionSettings(which="salient"), (0.0,) * 3)
    with pytest.raises(InputError, match="takes no rank"):
        occlusion_curve(Bright(), batches(), OcclusionSettings(), (0.0,) * 3, rank)
    settings = OcclusionSettings(patch=4, which="salient")
    with pytest.raises(InputError, match="importance of 4 patches for 4 images"):
        occlusion_curve(Bright(), batches(), settings, (0.0,) * 3, rank)
    with pytest.raises(InputError, match="patches 0 to 3, found 4 to 4"):
        drop_patches(torch.ones(1, 3, 8, 8), torch.tensor([4]), 4, 0.0)
    x, y = batches()[0]
    with pytest.raises(InputError, match="from 0 to 1, found 2"):
        occlusion_curve(Bright(), [(x, y + 1)], OcclusionSettings(patch=4), (0.0,) * 3)
    with pytest.raises(InputError, match="before normalization"):
        occlusion_curve(Bright(), [(x - 1, y)], OcclusionSettings(patch=4), (0.0,) * 3)
