"""Batch normalization over the batches of all processes (SyncBN; Peng et al., "MegDet", CVPR 2018).

On GPUs that is torch's own layer.  torch has none for the CPU, where this one lets the protocol run
and be compared with one process that has the whole batch.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, autograd, distributed, nn
from torch.nn.modules.batchnorm import _BatchNorm


def synchronize(model: nn.Module, device: torch.device) -> None:
    """Makes the batch norms of a model normalize by the statistics of all processes, in place.

    Args:
        model: its parameters and buffers stay the same tensors.
        device: where it will run.

    Example:
        >>> model = nn.Sequential(nn.BatchNorm2d(3))
        >>> synchronize(model, torch.device("cpu"))
        >>> type(model[0]).__name__
        'SyncBatchNormOnCpu'
    """
    if device.type == "cuda":
        nn.SyncBatchNorm.convert_sync_batchnorm(model)
        return
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            # the same parameters, buffers and hooks, another forward pass
            module.__class__ = SyncBatchNormOnCpu


class SyncBatchNormOnCpu(_BatchNorm):
    """Batch norm whose statistics in training are those of all processes of the default group;
    their batches may differ in size.  Means first, squares of what is left then: no cancellation.
    """

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() < 2:
            raise ValueError(f"expected at least two dimensions, found {input.dim()}")

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        self._check_input_dim(input)
        axes = [axis for axis in range(input.dim()) if axis != 1]
        shape = [1, -1, *(1,) * (input.dim() - 2)]
        own = input.new_tensor([input.numel() / input.shape[1]])
        sums = _over_processes(torch.cat([input.sum(axes), own]))
        count = sums[-1].detach()
        mean = sums[:-1] / count
        centered = input - mean.view(shape)
        variance = _over_processes(centered.square().sum(axes)) / count
        if self.track_running_stats:
            self._observe(mean.detach(), variance.detach() * count / (count - 1))
        out = centered * (variance + self.eps).rsqrt().view(shape)
        if self.affine:
            out = out * self.weight.view(shape) + self.bias.view(shape)
        return out

    def _observe(self, mean: Tensor, variance: Tensor) -> None:
        """Moves the running statistics, as torch's own layers do."""
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        for running, now in ((self.running_mean, mean), (self.running_var, variance)):
            running.lerp_(now.to(running), share)


class _Sum(autograd.Function):
    """The sum over all processes; each adds to the losses of all, so gradients are summed, too."""

    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:
        total = own.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # type: ignore[override]
        total = grad.clone()
        distributed.all_reduce(total)
        return total


def _over_processes(own: Tensor) -> Tensor:
    total: Tensor = _Sum.apply(own)
    return total
