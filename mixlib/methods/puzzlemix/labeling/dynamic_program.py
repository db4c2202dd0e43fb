"""Exact labelings of narrow grids by a dynamic program over the frontier of a row."""

from __future__ import annotations

import torch
from jaxtyping import Int
from torch import Tensor

from mixlib.methods.puzzlemix.labeling.costs import Costs


def by_frontier(costs: Costs) -> Int[Tensor, "B h w"]:
    """Labels of least energy, exactly, for grids with few columns.

    Cells are added row by row; the state is the labels of the last w cells (the frontier), n^w of
    them. Adding cell (r, c) replaces the frontier's entry c, the cell above; entry c - 1 is the
    cell to the left. Memory and time grow with h w n^w: turn the grid so that w is the shorter
    side.
    """
    batch, rows, cols, n = costs.unary.shape
    level = torch.arange(n, device=costs.unary.device, dtype=costs.unary.dtype) / (n - 1)
    jump = (level[:, None] - level).square()  # [old, new]
    best = costs.unary.new_zeros(batch, n**cols)
    choices: list[Tensor] = []
    for r in range(rows):
        for c in range(cols):
            after = n ** (cols - 1 - c)
            if r:
                above = costs.down[:, r - 1, c, None, None] * jump
                through = best.view(batch, -1, n, 1, after) + above[:, None, :, :, None]
                reached, old = through.min(2)
            else:
                # no cell above: the frontier's entry is still a placeholder, 0
                reached = best.view(batch, -1, n, 1, after)[:, :, 0].expand(-1, -1, n, -1)
                old = torch.zeros_like(reached, dtype=torch.int64)
            reached = reached + costs.unary[:, r, c, None, :, None]
            if c:
                left = costs.right[:, r, c - 1, None, None] * jump
                reached = reached.view(batch, -1, n, n, after) + left[:, None, :, :, None]
            best = reached.reshape(batch, -1)
            choices.append(old.reshape(batch, -1))
    return _walk_back(best.argmin(1), choices, (rows, cols), n)


def _walk_back(
    state: Int[Tensor, " B"], choices: list[Tensor], size: tuple[int, int], n: int
) -> Int[Tensor, "B h w"]:
    """Labels along the cheapest path that ends in ``state``."""
    labels: list[Tensor] = []
    for cell in reversed(range(size[0] * size[1])):
        digit = n ** (size[1] - 1 - cell % size[1])
        label = state // digit % n
        labels.append(label)
        old = choices[cell].gather(1, state[:, None])[:, 0]
        state = state + (old - label) * digit
    return torch.stack(labels[::-1], 1).view(-1, *size)
