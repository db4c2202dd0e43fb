"""Does the clock see the network's time, forward and back, and nothing else?"""

import time

import torch
from torch import nn

from benchmarks.evaluators import Clocked, classifier, measured, transformer


class Slow(nn.Module):
    """Takes CPU time on the way forward."""

    def forward(self, x):
        spend(0.05)
        return x.mean((2, 3))


def spend(seconds: float) -> None:
    began = time.process_time()
    while time.process_time() - began < seconds:
        pass


def test_time_inside_and_outside_are_told_apart():
    model = Clocked(Slow())

    def work() -> None:
        x = torch.zeros(2, 3, 4, 4, requires_grad=True)
        logits = model(x)
        spend(0.1)
        logits.sum().backward()

    whole, inside = measured(model, work)
    assert 0.05 <= inside < 0.1
    assert whole >= 0.15


def test_every_evaluator_is_measured():
    rows = [*classifier("resnet10_w16", 4, 32), *transformer("vit6_w64", 2, 64)]
    assert len(rows) == 11
    for title, whole, inside in rows:
        assert 0 < inside < whole, title
