"""Lambda as it is asked for, and every pixel in its place."""

from __future__ import annotations

import pytest
import torch

from mixlib.catalog import build as builder
from mixlib.core.mix import pair
from mixlib.core.objective import MixOnce
from paper_tables.drawings.gallery_images import gallery_images
from paper_tables.drawings.mixed_pair import mix_as_trained, mix_at, mixed_image

IMAGES, LABELS = gallery_images("generated", 2)


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def objective(name: str) -> MixOnce:
    return MixOnce(builder.net("resnet10_w16", 10, 0), builder.policy(name))


@pytest.mark.parametrize("name", ["mixup", "hmix", "fmix", "stochastic", "manifoldmix"])
@pytest.mark.parametrize("lam", [0.25, 0.75])
def test_the_label_has_the_lambda_that_was_asked_for(name, lam):
    mix = mix_at(objective(name), IMAGES, LABELS, lam, rng())
    assert mix.source.tolist() == [[0, 1], [1, 0]]
    # a box or a low-pass mask has whole pixels
    assert mix.weight[:, 0].tolist() == pytest.approx([lam, lam], abs=0.26)
    if name in ("mixup", "hmix", "manifoldmix"):
        assert mix.weight[:, 0].tolist() == pytest.approx([lam, lam])


@pytest.mark.parametrize("name", ["vanilla", "cutout", "ricap", "smoothmix"])
def test_a_method_with_a_law_of_its_own_is_not_asked(name):
    with pytest.raises(ValueError, match="no lambda can be asked"):
        mix_at(objective(name), IMAGES, LABELS, 0.3, rng())
    assert len(mix_as_trained(objective(name), IMAGES, LABELS, rng()).source) == 2


def test_what_is_filled_earns_no_label():
    own = torch.ones(2, 64, 64)
    own[:, :16] = 0
    fill = torch.zeros(2, 3, 64, 64)
    mix = pair(torch.arange(2), own, torch.ones(2), parts=(None, fill))
    shown = mixed_image(mix, IMAGES)
    assert shown.shares.mean((1, 2)).tolist() == [0.75, 0, 0.25]
    assert shown.weights == (1.0, 0.0)
