"""Potts labelings by block coordinate descent: rows and columns solved exactly in turn, in a batch.

A Potts-like energy sum_i unary[i, l_i] + sum_(i,j) pair[l_i, l_j] with any number of labels has no
small exact program.  Given all others, a row of cells is a chain, which a dynamic program
solves exactly; every second row is independent of the others, then every second column.  No step
raises the energy, and small grids converge in two or three rounds.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor


def potts_energy(
    unary: Float[Tensor, "P h w L"], pair: Float[Tensor, "P L L"], labels: Int[Tensor, "P h w"]
) -> Float[Tensor, " P"]:
    """Energy of given labels; infinite costs forbid a label."""
    problem = torch.arange(len(unary), device=unary.device)[:, None, None]
    total = unary.gather(-1, labels[..., None]).sum((1, 2, 3))
    total = total + pair[problem, labels[:, 1:], labels[:, :-1]].sum((1, 2))
    return total + pair[problem, labels[:, :, 1:], labels[:, :, :-1]].sum((1, 2))


def descend(
    unary: Float[Tensor, "P h w L"],
    pair: Float[Tensor, "P L L"],
    start: Int[Tensor, "P h w"],
    rounds: int = 3,
) -> Int[Tensor, "P h w"]:
    """Labels of no higher energy than ``start``, and mostly of least energy on small grids.

    Args:
        unary: cost of every label in every cell.
        pair: cost of two labels side by side, symmetric.
        start: where to begin.
        rounds: sweeps over all rows and all columns.
    """
    labels = start
    turned = unary.transpose(1, 2)
    for _ in range(rounds):
        for parity in (0, 1):
            labels = _rows(unary, pair, labels, parity)
        for parity in (0, 1):
            labels = _rows(turned, pair, labels.mT, parity).mT
    return labels


def _rows(
    unary: Float[Tensor, "P h w L"],
    pair: Float[Tensor, "P L L"],
    labels: Int[Tensor, "P h w"],
    parity: int,
) -> Int[Tensor, "P h w"]:
    """Rows of one parity relabeled, given the rows between them."""
    if parity >= labels.shape[1]:
        return labels
    problem = torch.arange(len(unary), device=unary.device)[:, None, None]
    # [P, rows of the other parity, w, L]: what each label next to them costs
    adjacent = pair[problem, labels[:, 1 - parity :: 2]]
    cost = unary[:, parity::2].clone()
    above = cost[:, 1 - parity :]
    above += adjacent[:, : above.shape[1]]
    below = adjacent[:, parity:]
    cost[:, : below.shape[1]] += below
    best, back = cost[:, :, 0], []
    for column in range(1, cost.shape[2]):
        # [P, rows, next, previous]; costs of neighbors are symmetric
        through, previous = (best[:, :, None] + pair[:, None]).min(3)
        back.append(previous)
        best = through + cost[:, :, column]
    chosen = [best.argmin(-1)]
    for previous in reversed(back):
        chosen.append(previous.gather(-1, chosen[-1][..., None])[..., 0])
    found = labels.clone()
    found[:, parity::2] = torch.stack(chosen[::-1], -1)
    return found
