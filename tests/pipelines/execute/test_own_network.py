"""A network of the user's own is looked at before it is trained."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mixlib.core.net import Net
from pipelines.declare.errors import DeclarationError
from pipelines.execute.own_network import check_logits


def network(outputs: int) -> Net:
    return Net(nn.Sequential(nn.Flatten(), nn.BatchNorm1d(12), nn.Linear(12, outputs)))


def test_one_logit_a_class_passes_and_nothing_changes():
    net = network(5).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    check_logits(net, "nets:small", 5, (3, 2, 2))
    assert net.training
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_others_are_refused_with_what_was_found():
    with pytest.raises(DeclarationError, match=r"nets:small: expected logits \[B, 5\].*\[B, 10\]"):
        check_logits(network(10), "nets:small", 5, (3, 2, 2))
