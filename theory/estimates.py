"""Estimates with standard errors: weighted sums over independent groups, and their ratios."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor


class Estimate(NamedTuple):
    """A measured value and its standard error.

    Example:
        >>> low, high = Estimate(1.0, 0.5).interval
        >>> round(low, 2), round(high, 2)
        (0.02, 1.98)
    """

    value: float
    error: float

    @property
    def interval(self) -> tuple[float, float]:
        """95 % confidence interval, by the normal approximation."""
        return self.value - 1.96 * self.error, self.value + 1.96 * self.error


def group_sums(values: Float[Tensor, " n"], group: Int[Tensor, " n"]) -> Float[Tensor, " g"]:
    """Sums over the groups: the independent parts of an estimate."""
    count = int(group.max()) + 1
    return torch.zeros(count, dtype=values.dtype).index_add_(0, group, values)


def total(parts: Float[Tensor, " g"]) -> Estimate:
    """Sum of independent parts."""
    return Estimate(float(parts.sum()), float(parts.std() * len(parts) ** 0.5))


def ratio(parts: Float[Tensor, " g"], whole: Float[Tensor, " g"]) -> Estimate:
    """Sum of parts over sum of whole, measured on the same groups (delta method)."""
    value = float(parts.sum() / whole.sum())
    rest = total(parts - value * whole)
    return Estimate(value, rest.error / abs(float(whole.sum())))
