"""What an objective does besides a draw: batches that are not mixed, the momentum pipeline's other
losses, a block without it."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from mixlib.catalog.methods import METHODS
from mixlib.core.labels import BinaryCrossEntropy
from mixlib.core.net import Net
from mixlib.methods.automix import MomentumMix
from mixlib.methods.mixup import mixup
from tests.mixlib.test_objectives import CLASSES, batch, made, network


@pytest.mark.parametrize("name", METHODS)
def test_mixing_stops_on_request_or_says_that_it_cannot(name):
    objective, (x, y) = made(name), batch()
    if objective.inner.policy is None:
        with pytest.raises(ValueError, match="learns its masks to the end"):
            objective.stop_mixing()
        return
    objective.stop_mixing()
    trained = [p for group in objective.groups().values() for p in group]
    assert objective.policy is objective.inner.policy
    for _ in range(3):
        step = objective(x, y)
        step.loss.backward()
        mix = step.mix
        assert (mix.source[:, 0] == torch.arange(4)).all()
        torch.testing.assert_close(mix.weight[:, 0], torch.ones(4))
    assert all(p.grad is not None for p in trained)


@pytest.mark.parametrize("words", [{"targets": "multilabel"}, {"smoothing": 0.5}])
def test_clean_images_in_the_momentum_pipeline_have_the_loss_that_was_asked_for(words):
    x, y = batch()
    y = F.one_hot(y, CLASSES) if "targets" in words else y
    objective = made("cutmix", pipeline="mp_ce", **words)
    terms = objective(x, y).terms
    logits = objective.inner.pair.logits("q", "one", x)
    rows = F.one_hot(y, CLASSES).float() if y.ndim == 1 else y.float()
    loss = F.binary_cross_entropy_with_logits if "targets" in words else F.cross_entropy
    smooth = words.get("smoothing", 0.0)
    torch.testing.assert_close(terms["one"], loss(logits, rows * (1 - smooth) + smooth / CLASSES))


def test_a_block_without_the_pipeline_draws_as_it_is_told():
    x, y = batch(8)
    mix = made("automix", pipeline="none", scope="sample", pairing="roll")(x, y).mix
    assert len(mix.weight.round(decimals=4).unique(dim=0)) > 1
    assert len(((mix.source[:, 1] - torch.arange(8)) % 8).unique()) == 1


def test_a_momentum_pipeline_by_hand_has_one_loss_for_both_kinds_of_images():
    x, y = batch()
    net = Net(network(""))
    objective = MomentumMix(net, mixup(), steps=2, one_hot=True, rule=BinaryCrossEntropy())
    terms = objective(x, y, torch.Generator().manual_seed(0)).terms
    logits = objective.pair.logits("q", "one", x)
    expected = F.binary_cross_entropy_with_logits(logits, F.one_hot(y, CLASSES).float())
    torch.testing.assert_close(terms["one"], expected)
