"""Top-1 and top-2 of mixed data against a recording of the definition."""

from __future__ import annotations

import pytest
import torch

from mixlib.training.evaluate import mixed_hits


def test_hits_are_those_of_the_recording(golden):
    told = golden("evaluation/mixed_topk")
    hits = mixed_hits(*(torch.from_numpy(told[name]) for name in ("logits", "y_a", "y_b")))
    distinct = torch.from_numpy(told["distinct"])
    assert torch.equal(hits.top1, torch.from_numpy(told["top1_hit"]))
    assert torch.equal(hits.distinct, distinct)
    assert torch.equal(hits.top2[distinct], torch.from_numpy(told["top2_hit"])[distinct])
    top2 = float(hits.top2.sum()) / int(hits.distinct.sum())
    scale = 100 if float(told["top1_acc"]) > 1 else 1
    assert scale * float(hits.top1.float().mean()) == pytest.approx(float(told["top1_acc"]))
    assert scale * top2 == pytest.approx(float(told["top2_acc_distinct_only"]))


def test_the_order_of_the_two_best_does_not_matter():
    logits = torch.tensor([[0.1, 3.0, 2.0], [0.1, 2.0, 3.0], [3.0, 2.0, 0.1], [0.0, 1.0, 2.0]])
    own, partner = torch.tensor([1, 1, 1, 2]), torch.tensor([2, 2, 2, 2])
    hits = mixed_hits(logits, own, partner)
    assert hits.top1.tolist() == [True, True, False, True]
    assert hits.top2.tolist() == [True, True, False, False]
    assert hits.distinct.tolist() == [True, True, True, False]
