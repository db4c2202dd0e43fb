"""Operations counted against the formula, through forward and backward passes."""

from __future__ import annotations

import torch
from torch import nn

from mixlib.counting.operations import Operations, operations


def test_a_convolution_and_its_backward_pass():
    layer, x = nn.Conv2d(3, 8, 3, padding=1, bias=False), torch.randn(2, 3, 6, 6)
    forward = 2 * 2 * 8 * 6 * 6 * 3 * 9  # two operations a multiplication and addition
    assert operations(lambda: layer(x)) == forward
    # the weights' gradient costs a forward; the input has none
    assert operations(lambda: layer(x).sum().backward()) == 2 * forward
    x.requires_grad_()
    assert operations(lambda: layer(x).sum().backward()) == 3 * forward


def test_what_has_no_formula_counts_nothing():
    with Operations() as counter:
        torch.ones(4).exp()
    assert counter.total == 0
