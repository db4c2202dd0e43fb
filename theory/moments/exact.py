"""Exact tilted second moments of a mask law: the coefficients of the MSDA expansion (Park, Yun and
Chun, NeurIPS 2022, Theorem 1), one implementation per law.

By the swap lemma (:mod:`theory.moments.tilt`) the loss of a mixed pair is the loss of its own image
moved towards the partner by u = 1 - M, under the tilted measure
    E~[phi(u)] = E[w phi(1 - M) + (1 - w) phi(M)],
with w the label share.  All that the mask law contributes to the second-order expansion is
    a_j = E~[u_j]    and    A_jk = E~[u_j u_k].
:func:`exact_moments` computes them by finite sums and quadrature,
:func:`theory.moments.monte_carlo.monte_carlo_moments` measures them on the very masks that training
draws; each is the other's test.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mixlib.core.lam import LamLaw
from mixlib.core.mask import MaskLaw
from mixlib.methods.mixup import Flat

from .lam import mixup_coefficient, moment

Share = Literal["law", "drawn", "realized", "own"]


@dataclass(frozen=True)
class Moments:
    """Tilted moments on an h x w grid, pixels in row-major order, s = h w.

    Attributes:
        size: (h, w).
        a: float64 [s], E~[u].
        A: float64 [s, s], E~[u u^T]; or [r, s], only the rows asked for.
        rows: int64 [r], which rows A holds; None for all.
        a_se, A_se: standard errors of a measurement; None when exact.
    """

    size: tuple[int, int]
    a: Float[Tensor, " s"]
    A: Float[Tensor, "r s"]
    rows: Int[Tensor, " r"] | None = None
    a_se: Float[Tensor, " s"] | None = None
    A_se: Float[Tensor, "r s"] | None = None

    def row(self, pixel: int) -> Float[Tensor, "h w"]:
        """A_jk of one pixel j against all k, as an image."""
        found = self.A[pixel] if self.rows is None else self.A[self.rows == pixel][0]
        return found.view(self.size)

    def largest_z(self, known: Moments) -> float:
        """Largest |difference of A| in standard errors between a measurement and exact moments of
        the same rows.

        Raises:
            ValueError: this one was not measured.
        """
        if self.A_se is None:
            raise ValueError("exact moments have no standard errors: ask the measured ones")
        # constant masks have no error but rounding
        return float(((self.A - known.A).abs() / self.A_se.clamp(min=1e-9)).max())


def center(size: tuple[int, int]) -> int:
    """Flat index of the pixel in the middle."""
    return (size[0] // 2) * size[1] + size[1] // 2


def label_rule(law: MaskLaw, share: Share) -> Share:
    """The label rule: the law's own, or the one asked for ("own": the whole label to the own image,
    as in Cutout)."""
    return law.label if share == "law" else share


def require_drawn(law: MaskLaw, share: Share) -> None:
    """Some closed forms hold for the drawn lambda as label only.

    Raises:
        NotImplementedError: another label rule.
    """
    if label_rule(law, share) != "drawn":
        raise NotImplementedError(
            f"{type(law).__name__}: exact moments are known with the drawn lambda as label only; "
            "measure others with monte_carlo_moments"
        )


@singledispatch
def exact_moments(
    law: MaskLaw,
    lam: LamLaw,
    size: tuple[int, int],
    rows: Int[Tensor, " r"] | None = None,
    share: Share = "law",
) -> Moments:
    """Tilted moments without sampling.

    Args:
        law: Flat, Box, HMix, GMix, CountedCells, CoinCells or Mixture.
        lam: law of lambda.
        size: (h, w).
        rows: only these rows of A (a whole A at 224 x 224 would need 20 GB).
        share: label rule.

    Raises:
        NotImplementedError: no exact form is known (FMix, blocks): use :func:`monte_carlo_moments`.

    Example:
        >>> from mixlib.core.lam import Beta
        >>> from mixlib.methods.mixup import Flat
        >>> found = exact_moments(Flat(), Beta(1.0), (4, 4))  # Mixup: 1/6 for all pairs of pixels
        >>> found.A.shape, round(found.A.min().item(), 4), round(found.A.max().item(), 4)
        (torch.Size([16, 16]), 0.1667, 0.1667)
    """
    raise NotImplementedError(
        f"no exact moments are known for {type(law).__name__}; measure "
        "them with monte_carlo_moments"
    )


def mixup_profile(lam: LamLaw) -> tuple[float, float]:
    """(a, A) of Mixup at every pixel: 2 c2 and c2."""
    c2 = mixup_coefficient(lam)
    return 2 * c2, c2


def constant_moments(
    size: tuple[int, int], rows: Tensor | None, a: float, cov: Tensor | float
) -> Moments:
    area = size[0] * size[1]
    count = area if rows is None else len(rows)
    full = torch.zeros(count, area, dtype=torch.float64) + cov
    return Moments(size, torch.full((area,), a, dtype=torch.float64), full, rows)


@exact_moments.register
def _(
    law: Flat,
    lam: LamLaw,
    size: tuple[int, int],
    rows: Int[Tensor, " r"] | None = None,
    share: Share = "law",
) -> Moments:
    if label_rule(law, share) == "own":
        return constant_moments(
            size, rows, 1 - moment(lam, 1), 1 - 2 * moment(lam, 1) + moment(lam, 2)
        )
    a, cov = mixup_profile(lam)
    return constant_moments(size, rows, a, cov)
