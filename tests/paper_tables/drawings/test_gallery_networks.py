"""A picture of every method of the catalog."""

from __future__ import annotations

import pytest
import torch

from mixlib.catalog.methods import METHODS
from paper_tables.drawings.gallery_images import gallery_images
from paper_tables.drawings.gallery_networks import OWN_LOSS, Batches, GalleryNetworks
from paper_tables.drawings.mixed_pair import NOT_ONE

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
    assert shown.notes
    assert shown.at_lambda
    assert shown.shares.mean((1, 2))[0] == pytest.approx(shown.weights[0])


def test_cells_are_those_of_images_of_this_size(networks):
    """Cells of the paper's 64 pixels would be the whole image, which nothing mixes."""
    weights = [networks.mix("mixpro", IMAGES, LABELS, lam, 1).weights for lam in (0.25, 0.5, 0.75)]
    assert weights == [(0.25, 0.75), (0.5, 0.5), (0.75, 0.25)]


def test_only_rules_that_read_attention_say_so(networks):
    ruled = {name: row for name, row in METHODS.items() if row.rule is not None}
    assert {"transmix", "decoupledmix"} <= ruled.keys()
    for name, row in ruled.items():
        notes = networks.mix(name, IMAGES, LABELS, 0.5, 1).notes
        assert any("attention" in note for note in notes) == ("attention" in row.needs), name
    assert networks.mix("decoupledmix", IMAGES, LABELS, 0.5, 1).notes == OWN_LOSS


@pytest.mark.parametrize("name", ["tokenmix", "snapmix"])
def test_labels_that_need_not_sum_to_one_are_said(name, networks):
    shown = networks.mix(name, IMAGES, LABELS, 0.5, 1)
    assert (NOT_ONE in shown.notes) == (abs(sum(shown.weights) - 1) > 0.01)


def test_an_epoch_has_every_image_once_and_is_the_same_again():
    images = torch.arange(64.0).view(64, 1, 1, 1)
    batches = Batches(images, torch.arange(64), seed=0)
    epoch = [y for _, y in batches.epoch(1)]
    assert torch.cat(epoch).sort().values.tolist() == list(range(64))
    (rest,) = (y for _, y in batches.epoch(1, start_step=1))
    assert torch.equal(rest, epoch[1])
    assert not torch.equal(epoch[0], next(y for _, y in batches.epoch(0)))


def test_puzzlemix_has_a_mask_with_shape(networks):
    """On its coarse grids all cells are halves, a picture of Mixup."""
    own = networks.mix("puzzlemix", IMAGES, LABELS, 0.5, 1).shares[0]
    assert own.std() > 0.05
    assert len(own.unique()) == 3
