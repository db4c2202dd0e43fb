"""A picture of every method of the catalog."""

from __future__ import annotations

import pytest
import torch

from mixlib.catalog.methods import METHODS
from paper_tables.drawings.gallery_images import gallery_images
from paper_tables.drawings.gallery_networks import Batches, GalleryNetworks

IMAGES, LABELS = gallery_images("generated", 2)


@pytest.fixture(scope="module")
def networks():
    """Networks that have hardly learned: what they know does not matter here."""
    return GalleryNetworks(images=64, mask_epochs=1)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_has_a_picture(name, networks):
    shown = networks.mix(name, IMAGES, LABELS, 0.5, 1)
    assert shown.image.shape == IMAGES.shape[1:]
    assert 0 <= float(shown.image.min()) <= float(shown.image.max()) <= 1
    # every pixel once
    torch.testing.assert_close(shown.shares.sum(0), torch.ones(IMAGES.shape[2:]))
    assert 0.5 < sum(shown.weights) < 1.5
    if name not in ("tokenmix", "snapmix"):  # labels by content need not sum to one
        assert sum(shown.weights) == pytest.approx(1)


@pytest.mark.parametrize("name", ["relabel", "mixtoken"])
def test_what_a_picture_cannot_show_is_said(name, networks):
    shown = networks.mix(name, IMAGES, LABELS, 0.5, 1)
    assert shown.note
    assert shown.at_lambda
    assert shown.shares.mean((1, 2))[0] == pytest.approx(shown.weights[0])


def test_an_epoch_has_every_image_once_and_is_the_same_again():
    images = torch.arange(64.0).view(64, 1, 1, 1)
    batches = Batches(images, torch.arange(64), seed=0)
    epoch = [y for _, y in batches.epoch(1)]
    assert torch.cat(epoch).sort().values.tolist() == list(range(64))
    (rest,) = (y for _, y in batches.epoch(1, start_step=1))
    assert torch.equal(rest, epoch[1])
    assert not torch.equal(epoch[0], next(y for _, y in batches.epoch(0)))
