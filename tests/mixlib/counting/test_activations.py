"""Bytes kept for the backward pass, against sums by hand."""

from __future__ import annotations

import torch
from torch import nn

from mixlib.counting.activations import Activations


def test_a_linear_layer_keeps_its_input_and_not_its_weights():
    layer, x = nn.Linear(16, 4), torch.randn(8, 16)
    with Activations(layer.parameters()) as kept:
        layer(x)
    assert kept.peak == 8 * 16 * 4


def test_a_storage_counts_once():
    x = torch.randn(10, requires_grad=True)
    with Activations() as kept:
        y = x * x  # both factors are the same tensor
    assert y.requires_grad
    assert kept.peak == 40


def test_a_graph_that_is_gone_counts_no_more():
    x = torch.randn(10, requires_grad=True)
    with Activations([x]) as kept:
        for _ in range(3):
            y = x.exp()  # its output is kept; the one before goes with its graph
            del y
    assert kept.peak == 40
