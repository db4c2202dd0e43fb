"""Above which value lie the k largest of a row?  For many rows at once, without sorting."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor


def thresholds(
    values: Float[Tensor, "n p"], count: Int[Tensor, " n"], passes: int = 48, every: int = 6
) -> Float[Tensor, " n"]:
    """For every row a number that ``count`` of its values exceed (fewer where equal values forbid
    it).

    The Illinois variant of the false position, all rows together: 10-17 counts, a tenth of a sort's
    time.  Every ``every`` counts the device is asked which rows are open, and only those go on.
    """
    low, high = values.amin(1), values.amax(1)  # 10 times faster than aminmax on a CPU core
    below_all, everything = low - (high - low) - 1, count == values.shape[1]
    wanted = count.to(values.dtype)
    miss_low, miss_high = values.shape[1] - wanted, -wanted
    found, rows = high.clone(), torch.arange(len(values), device=values.device)
    last = torch.zeros_like(wanted)
    for turn in range(1, passes + 1):
        share = miss_low / (miss_low - miss_high).clamp(min=1e-6)
        cut = torch.minimum(low + (high - low) * share, high)
        miss = _exceeding(values, cut) - wanted
        enough = miss <= 0
        # an end that stays twice loses half of its weight, else the other end would creep
        weight_low = torch.where(enough & (last > 0), 0.5, 1.0)
        weight_high = torch.where(~enough & (last < 0), 0.5, 1.0)
        high = torch.where(enough, cut, high)
        low = torch.where(enough, low, cut)
        miss_high = torch.where(enough, miss, miss_high * weight_high)
        miss_low = torch.where(enough, miss_low * weight_low, miss)
        last = torch.where(enough, 1.0, -1.0)
        found[rows] = high
        if turn % every == 0:
            open_rows = (miss != 0) & (high > low.nextafter(high))
            if not bool(open_rows.any()):
                break
            values, wanted, rows = values[open_rows], wanted[open_rows], rows[open_rows]
            low, high, last = low[open_rows], high[open_rows], last[open_rows]
            miss_low, miss_high = miss_low[open_rows], miss_high[open_rows]
    return torch.where(everything, below_all, found)


def _exceeding(values: Float[Tensor, "n p"], cut: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """How many values of a row exceed its cut; sums of powers of two are exact.

    4 times faster than summing a comparison on a CPU core (0.27 against 1.2 ms for 32 x 50176).
    """
    tiny = 2.0**-100
    return (values - cut[:, None]).clamp_(0, tiny).sum(1) / tiny
