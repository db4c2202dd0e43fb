"""Activation checkpointing (Chen et al., "Training deep nets with sublinear memory cost", 2016):
what a block computes is not kept for the backward pass, but computed again there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


def recomputed(block: nn.Module, x: Tensor) -> Tensor:
    """The block's output, of which only ``x`` is kept for the backward pass.

    Running statistics of normalization layers see the batch once, and dropout draws once, as
    without.

    Args:
        block: a module of one tensor.
        x: its input.

    Example:
        >>> import torch
        >>> norm = nn.BatchNorm1d(1)
        >>> x = torch.tensor([[1.0], [3.0]], requires_grad=True)
        >>> recomputed(norm, x).square().sum().backward()
        >>> int(norm.num_batches_tracked), float(norm.running_mean)
        (1, 0.20000000298023224)
    """

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), unchanged_buffers(block)

    out: Tensor = checkpoint(block, x, use_reentrant=False, context_fn=contexts)
    return out


@contextmanager
def unchanged_buffers(module: nn.Module) -> Iterator[None]:
    """Puts the buffers back to what they were: statistics have seen this batch already."""
    before = [buffer.clone() for buffer in module.buffers()]
    try:
        yield
    finally:
        for buffer, value in zip(module.buffers(), before, strict=True):
            buffer.data.copy_(value)
