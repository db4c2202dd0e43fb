"""PuzzleMix' masked transport: salient cells move to where the mask shows them.

Kim et al., ICML 2020, eq. (6) and Algorithm 1: cell s of an image may move to cell t at cost

    c(s, t) = t_eps * |s - t|^2 / (side - 1)^2 - saliency_s [mask_t > 0];

every source bids for its cheapest target, the cheapest bidder holds it, the losers try their next
one.  Only bids of negative cost can win, and those need a target that the mask shows, nearer than
sqrt(saliency_s / t_eps): so the dense cost matrices and the permutation matrix products of the
reference shrink to short lists of neighbors and one index gather.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

MOVE_COST = 0.8  # t_eps of the paper's appendix and of the release


def transport_plan(
    saliency: Float[Tensor, "B h w"],
    shown: Bool[Tensor, "B h w"],
    move_cost: float = MOVE_COST,
    rounds: int | None = None,
) -> Int[Tensor, "B h w"]:
    """For every target cell the source cell that comes to lie there (index h w in row order).

    Targets that nobody wants keep their own cell; these are the hidden ones and those of no
    saliency (the reference leaves such targets empty; the mask hides them too).

    Args:
        saliency: shares of every image's saliency, summing to one.
        shown: the cells that the mask shows at all.
        move_cost: t_eps.
        rounds: stop after so many rounds (the release: the side of the grid); None: go on until
            nobody has to yield, as the paper's Algorithm 1 does.
    """
    h, w = saliency.shape[1:]
    gain = saliency.flatten(1)
    # a bid's distance is bounded by the largest share there is: one host round trip
    reach = math.sqrt(float(gain.amax()) / move_cost)
    near, cost = _neighbors((h, w), reach, move_cost, gain.device)
    cost = cost.to(gain.dtype) - gain[..., None]
    cost = cost.masked_fill(~shown.flatten(1)[:, near] | (cost >= 0), torch.inf)
    held = _bid(cost, near, rounds)
    return held.view(-1, h, w)


def _neighbors(
    size: tuple[int, int], reach: float, move_cost: float, device: torch.device
) -> tuple[Int[Tensor, "S R"], Float[Tensor, "S R"]]:
    """For every cell the cells it may bid for, nearest first, in row order among equals, and the
    cost of the way; padded with the cell itself at infinite cost."""
    h, w = size
    # squared distances are counted in units of the axis' length less one, as in the reference
    units = [(max(length - 1, 1)) for length in size]
    far = [min(length - 1, int(reach * unit)) for length, unit in zip(size, units, strict=True)]
    steps = [torch.arange(-most, most + 1, device=device) for most in far]
    down, right = (axis.flatten() for axis in torch.meshgrid(*steps, indexing="ij"))
    way = (down / units[0]).square() + (right / units[1]).square()
    order = way.argsort(stable=True)
    order = order[way[order] * move_cost < reach**2 * move_cost * (1 + 1e-6) + 1e-12]
    down, right, way = down[order], right[order], way[order]
    cell = torch.arange(h * w, device=device)[:, None]
    row, col = cell // w + down, cell % w + right
    inside = (row >= 0) & (row < h) & (col >= 0) & (col < w)
    target = torch.where(inside, row * w + col, cell)
    return target, torch.where(inside, move_cost * way, torch.inf)


def _bid(
    cost: Float[Tensor, "B S R"], near: Int[Tensor, "S R"], rounds: int | None
) -> Int[Tensor, "B S"]:
    """Holder of every cell after the bidding; a rejected bid becomes infinite in ``cost``.

    Both sides rank by the same cost, so the outcome does not depend on the order of the bids once
    nobody yields any more.  Whether that is so is asked every 4th round only.
    """
    batch, cells, _ = cost.shape
    own = torch.arange(cells, device=cost.device).expand(batch, -1)
    holder, lost = own, torch.zeros((), dtype=torch.bool, device=cost.device)
    for turn in range(cells * cells if rounds is None else rounds):
        bid, choice = cost.min(-1)
        target = near.expand(batch, -1, -1).gather(-1, choice[..., None])[..., 0]
        real = bid.isfinite()
        lowest = torch.full_like(bid, torch.inf).scatter_reduce_(1, target, bid, "amin")
        wins = real & (bid == lowest.gather(1, target))
        # among equal bids the first cell wins; cells without a winner keep their own content
        first = torch.full_like(target, cells).scatter_reduce_(
            1, target, torch.where(wins, own, cells), "amin"
        )
        wins &= own == first.gather(1, target)
        holder = torch.where(first < cells, first, own)
        lost = real & ~wins
        if rounds is None and turn % 4 == 3 and not bool(lost.any()):
            break
        value = torch.where(lost, torch.inf, bid)
        cost = cost.scatter(-1, choice[..., None], value[..., None])
    return holder


def moved(x: Shaped[Tensor, "B C H W"], plan: Int[Tensor, "B h w"]) -> Shaped[Tensor, "B C H W"]:
    """The image with its cells rearranged: cell t shows what cell plan[t] held.

    H and W must be multiples of the plan's h and w.
    """
    batch, channels, height, width = x.shape
    h, w = plan.shape[1:]
    cells = x.unflatten(3, (w, width // w)).unflatten(2, (h, height // h))
    sample = torch.arange(batch, device=x.device)[:, None, None]
    # [B, h, w, C, p, q]: the gathered axes come first
    picked = cells[sample, :, plan // w, :, plan % w]
    return picked.permute(0, 3, 1, 4, 2, 5).reshape(batch, channels, height, width)
