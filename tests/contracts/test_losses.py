"""What every loss of mixed labels promises: each sample counts with its own weights, whatever their
sum, for any number of sources, and a soft label that is one-hot is the class."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import one_hot

from mixlib.core.labels import BinaryCrossEntropy, CrossEntropy
from mixlib.core.mix import Mix
from mixlib.methods.decoupledmix import Decoupled
from mixlib.methods.transmix import TransMix

B, K, Y = 6, 3, 5


def drawn(sources: int = K) -> tuple[Mix, torch.Tensor, torch.Tensor]:
    """A mix with weights that differ between samples and do not sum to one; logits; classes."""
    rng = torch.Generator().manual_seed(0)
    source = torch.randint(B, (B, sources), generator=rng)
    weight = torch.rand(B, sources, generator=rng) * 0.8
    mix = Mix(source, weight, torch.full((1, sources, 1, 1), 1 / sources))
    return mix, torch.randn(B, Y, generator=rng), torch.randint(Y, (B,), generator=rng)


def hard(log_p, row, smoothing):
    """Cross-entropy of one sample with a row of targets that was smoothed by hand."""
    row = row * (1 - smoothing) + row.sum() * smoothing / Y
    return -(row * log_p).sum()


def binary(logits, row, smoothing):
    row = row * (1 - smoothing) + row.sum() * smoothing / Y
    p = logits.sigmoid()
    return -(row * p.log() + (1 - row) * (1 - p).log()).mean()


RULES = {
    "hard": (CrossEntropy(), lambda z, row: hard(z.log_softmax(0), row, 0.0)),
    "smoothed": (CrossEntropy(0.1), lambda z, row: hard(z.log_softmax(0), row, 0.1)),
    "binary": (BinaryCrossEntropy(), lambda z, row: binary(z, row, 0.0)),
    "binary, smoothed": (BinaryCrossEntropy(smoothing=0.1), lambda z, row: binary(z, row, 0.1)),
    "binary, summed": (
        BinaryCrossEntropy(reduction="sum"),
        lambda z, row: Y * binary(z, row, 0.0),
    ),
}


@pytest.mark.parametrize("name", RULES)
def test_every_sample_has_its_own_weights(name):
    rule, by_hand = RULES[name]
    mix, logits, y = drawn()
    total = 0.0
    for b in range(B):
        row = torch.zeros(Y)
        for k in range(K):
            row[y[mix.source[b, k]]] += mix.weight[b, k]
        total = total + by_hand(logits[b], row) / B
    torch.testing.assert_close(rule(mix, logits, {}, y), total)
    # one lambda for the batch is another loss
    mean = replace(mix, weight=mix.weight.mean(0, keepdim=True).expand(B, K))
    assert (rule(mean, logits, {}, y) - total).abs() > 1e-3
    soft = replace(mix, labels=one_hot(y, Y).float())
    torch.testing.assert_close(rule(soft, logits, {}, (y + 1) % Y), total)


def test_two_hot_targets_ask_for_every_source_fully():
    mix, logits, y = drawn()
    rows = torch.zeros(B, Y).scatter_(1, y[mix.source], 1.0)
    expected = sum(binary(logits[b], rows[b], 0.0) for b in range(B)) / B
    torch.testing.assert_close(BinaryCrossEntropy("two-hot")(mix, logits, {}, y), expected)


@pytest.mark.parametrize("name", RULES)
def test_a_rule_on_top_keeps_the_weights(name):
    rule, _ = RULES[name]
    mix, logits, y = drawn(2)
    own = torch.rand(B, 2, 4, 4, generator=torch.Generator().manual_seed(1))
    mix = replace(mix, mask=own / own.sum(1, keepdim=True))
    attention = torch.rand(B, 2, 17, 17)
    seen = {"attention": attention}
    by_area = TransMix(rule, area=1.0)(mix, logits, seen, y)
    torch.testing.assert_close(by_area, rule(mix, logits, seen, y))
    half = TransMix(rule, area=0.5)
    weights = half.reweighted(mix, attention[:, :, 0, 1:].mean(1)).weight
    expected = rule(replace(mix, weight=weights), logits, seen, y)
    torch.testing.assert_close(half(mix, logits, seen, y), expected)
    torch.testing.assert_close(
        Decoupled(rule, weight=0.0)(mix, logits, seen, y), rule(mix, logits, seen, y)
    )
