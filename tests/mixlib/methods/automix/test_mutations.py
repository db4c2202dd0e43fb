"""Do the reference comparisons catch mistakes?  Each known wrong variant must fail one of them.

Of the seven known mistakes five are AutoMix's: softmax over the wrong axis, value from the wrong
sample, sigmoid before the upsampling, k in evaluation mode, swapped moving average.  The other two
are shown with those policies, in ``tests/mixlib/methods``: rounding of CutMix's box in
``test_released_masks.py``, tolerance of AlignMix's Sinkhorn in ``test_manifoldmix_alignmix.py``.
More are ours.
"""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch

from mixlib.methods.automix import MixBlock
from mixlib.methods.automix.teacher import Pair
from tests.mixlib.methods.automix import golden_cases as cases

STEP = "automix/automix_step_cifar"


def block_fails(fixture) -> bool:
    try:
        cases.check_block(fixture)
    except AssertionError:
        return True
    return False


def with_spec(monkeypatch, **changes: object) -> None:
    """Every block of the reference cases gets these fields changed."""
    build = cases.block_case

    def changed(fixture):
        block, loss = build(fixture)
        block.spec = replace(block.spec, **changes)
        return block, loss

    monkeypatch.setattr(cases, "block_case", changed)


def wrong_axis(monkeypatch) -> None:
    softmax = torch.softmax
    monkeypatch.setattr(torch, "softmax", lambda z, dim: softmax(z, dim=-2))


def transposed(monkeypatch) -> None:
    attend = MixBlock.attend
    monkeypatch.setattr(MixBlock, "attend", lambda self, i, j: attend(self, i, j).transpose(1, 2))


def complement(monkeypatch) -> None:
    forward = MixBlock.forward
    monkeypatch.setattr(MixBlock, "forward", lambda self, *args: 1 - forward(self, *args))


def swapped_lam(monkeypatch) -> None:
    embed = MixBlock.embed
    monkeypatch.setattr(MixBlock, "embed", lambda self, z, p, lam: embed(self, z, p, 1 - lam))


BLOCK_MUTATIONS = {
    "softmax axis": (wrong_axis, "plain_nearest"),
    "value from i": (lambda patch: with_spec(patch, value="own"), "plain_nearest"),
    "sigmoid before upsampling": (
        lambda patch: with_spec(patch, squash="before"),
        "lamcat_bilinear",
    ),
    "attention transposed": (transposed, "plain_nearest"),
    "mask of the partner": (complement, "plain_nearest"),
    "lambda swapped": (swapped_lam, "lamcat_nearest"),
    "not scaled": (lambda patch: with_spec(patch, scaled=False), "plain_nearest"),
    "scaled": (lambda patch: with_spec(patch, scaled=True), "plain_bilinear_noscale"),
}


@pytest.mark.parametrize("name", BLOCK_MUTATIONS)
def test_the_block_comparison_catches(golden, monkeypatch, name):
    mutate, case = BLOCK_MUTATIONS[name]
    fixture = golden(f"automix/mixblock_{case}")
    assert not block_fails(fixture)
    mutate(monkeypatch)
    assert block_fails(fixture)


def k_evaluates(objective) -> None:
    objective.pair.k.eval()


def swapped_average(objective) -> None:
    objective.pair.momentum = 1 - objective.pair.momentum


def no_average(objective) -> None:
    objective.pair.momentum = objective.pair.momentum * 0 + 1


def averaged_statistics(objective) -> None:
    objective.pair.statistics = "ema"


def spec_change(**changes: object):
    def change(objective) -> None:
        objective.spec = replace(objective.spec, **changes)

    return change


def q_features(objective) -> None:
    """Features from q; k still runs, so that its statistics are as they should be."""
    look, net = objective.look, copy.deepcopy(objective.pair.q)

    def look_at_q(x):
        look(x)
        return net.features(x, "layer3").detach()

    objective.look = look_at_q


def swapped_heads(objective) -> None:
    heads = objective.pair.q_heads
    heads["one"], heads["mix"] = heads["mix"], heads["one"]


STEP_MUTATIONS = {
    "k in evaluation mode": k_evaluates,
    "swapped moving average": swapped_average,
    "no moving average": no_average,
    "averaged statistics": averaged_statistics,
    "truncated clean pass": spec_change(full_pass=False),
    "features of q": q_features,
    "heads swapped": swapped_heads,
}


@pytest.mark.parametrize("name", STEP_MUTATIONS)
def test_the_step_comparison_catches(golden, name):
    with pytest.raises((AssertionError, KeyError)):
        cases.check_step(golden(STEP), prepare=STEP_MUTATIONS[name])


def test_the_step_comparison_catches_an_attached_mask(golden, monkeypatch):
    """A q mask that is not detached lets the classifier's loss into the block."""

    def attached(self, z, draw, x):
        return draw.mix(self.block(z, draw.partner, draw.lam, x.shape[-2:]))

    monkeypatch.setattr("mixlib.methods.automix.objective.AutoMix.mix_for_q", attached)
    with pytest.raises(AssertionError):
        cases.check_step(golden(STEP))


def test_the_step_comparison_catches_a_copied_k(golden, monkeypatch):
    """k as q itself (no second network)."""

    def logits(self, which, head, x):
        return self.q_heads[head](self.q(x)[0])

    monkeypatch.setattr(Pair, "logits", logits)
    with pytest.raises(AssertionError):
        cases.check_step(golden(STEP))
