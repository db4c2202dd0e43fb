"""Which pixel pairs does a mask law regularize, and how strongly?  The tilted moments of the
partner's share u = 1 - M.

By the swap lemma (see :mod:`theory.tilt`) the loss of a mixed pair is the loss of its own image
moved towards the partner by u, under the tilted measure E~[phi(u)] = E[w phi(1 - M) + (1 - w)
phi(M)], w the label share.  All that the mask law contributes to the second-order expansion is
    a_j  = E~[u_j]      and      A_jk = E~[u_j u_k].
:func:`exact` computes them by finite sums and quadrature, :func:`monte_carlo` measures them on the
very masks that training draws; each is the other's test.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mixlib.core.lam import Beta, Fixed, LamLaw
from mixlib.core.mask import MaskLaw, label_share
from mixlib.masks.cells import enlarge
from mixlib.methods.gridmix import CoinCells
from mixlib.methods.mixup import Flat
from mixlib.methods.random_tokens import CountedCells
from theory.lam import moment, spread

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


def label_of(law: MaskLaw, share: Share) -> Share:
    """The label rule: the law's own, or the one asked for ("own": the whole label to the own image,
    as in Cutout)."""
    return law.label if share == "law" else share


def require_drawn(law: MaskLaw, share: Share) -> None:
    """Some closed forms hold for the drawn lambda as label only.

    Raises:
        NotImplementedError: another label rule.
    """
    if label_of(law, share) != "drawn":
        raise NotImplementedError(
            f"{type(law).__name__}: exact moments are known with the drawn lambda as label only; "
            "measure others with monte_carlo"
        )


@singledispatch
def exact(
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
        NotImplementedError: no exact form is known (FMix, blocks): use :func:`monte_carlo`.
    """
    raise NotImplementedError(
        f"no exact moments are known for {type(law).__name__}; measure them with monte_carlo"
    )


def monte_carlo(
    law: MaskLaw,
    lam: LamLaw,
    size: tuple[int, int],
    n: int,
    rng: torch.Generator,
    rows: Int[Tensor, " r"] | None = None,
    share: Share = "law",
    chunk: int = 8192,
) -> Moments:
    """Tilted moments measured on n masks of ``law.sample``, with standard errors.

    Both branches of the tilt enter with their weights, which is less noisy than tossing the coin.
    """
    area = size[0] * size[1]
    index = torch.arange(area) if rows is None else rows
    first = torch.zeros(2, area, dtype=torch.float64)
    second = torch.zeros(2, len(index), area, dtype=torch.float64)
    for start in range(0, n, chunk):
        own, weight = labeled(law, lam, size, min(chunk, n - start), rng, share)
        u = 1 - own.flatten(1)
        once = weight * u + (1 - weight) * (1 - u)
        first += torch.stack([once.sum(0), once.square().sum(0)])
        swapped = 1 - u
        parts = ((weight * u)[:, index], ((1 - weight) * swapped)[:, index])
        second[0].addmm_(parts[0].T, u).addmm_(parts[1].T, swapped)
        # E[(w uu' + (1-w) (1-u)(1-u)')^2], term by term
        second[1].addmm_(parts[0].square().T, u.square())
        second[1].addmm_(parts[1].square().T, swapped.square())
        second[1].addmm_((parts[0] * parts[1]).T, u * swapped, alpha=2)
    means = [x / n for x in (*first, *second)]
    error = [((means[k + 1] - means[k].square()).clamp(min=0) / n).sqrt() for k in (0, 2)]
    return Moments(size, means[0], means[2], rows, error[0], error[1])


def labeled(
    law: MaskLaw, lam: LamLaw, size: tuple[int, int], n: int, rng: torch.Generator, share: Share
) -> tuple[Float[Tensor, "n h w"], Float[Tensor, "n 1"]]:
    """n masks of the own image and their label shares."""
    lams = lam.sample(n, rng)
    own = law.sample(lams, size, rng)
    rule = label_of(law, share)
    if rule == "own":
        weight = torch.ones_like(lams)
    elif rule == "realized":
        weight = own.mean(dim=(1, 2))
    else:
        weight = lams if rule == "drawn" else label_share(law, lams, own)
    return own, weight[:, None]


def mixup_profile(lam: LamLaw) -> tuple[float, float]:
    """(a, A) of Mixup at every pixel: 2 c2 and c2."""
    c2 = spread(lam)
    return 2 * c2, c2


def _filled(size: tuple[int, int], rows: Tensor | None, a: float, cov: Tensor | float) -> Moments:
    area = size[0] * size[1]
    count = area if rows is None else len(rows)
    full = torch.zeros(count, area, dtype=torch.float64) + cov
    return Moments(size, torch.full((area,), a, dtype=torch.float64), full, rows)


@exact.register
def _(
    law: Flat,
    lam: LamLaw,
    size: tuple[int, int],
    rows: Int[Tensor, " r"] | None = None,
    share: Share = "law",
) -> Moments:
    if label_of(law, share) == "own":
        return _filled(size, rows, 1 - moment(lam, 1), 1 - 2 * moment(lam, 1) + moment(lam, 2))
    a, cov = mixup_profile(lam)
    return _filled(size, rows, a, cov)


def _same_cell(
    grid: tuple[int, int], size: tuple[int, int], rows: Tensor | None
) -> Float[Tensor, "r s"]:
    """1 where two pixels lie in the same cell."""
    names = torch.arange(grid[0] * grid[1], dtype=torch.float64).view(1, *grid)
    cell = enlarge(names, size).flatten()
    return (cell[:, None] == cell if rows is None else cell[rows, None] == cell).double()


@exact.register
def _(
    law: CoinCells,
    lam: LamLaw,
    size: tuple[int, int],
    rows: Int[Tensor, " r"] | None = None,
    share: Share = "law",
) -> Moments:
    require_drawn(law, share)
    c2 = spread(lam)
    return _filled(size, rows, 2 * c2, c2 * (1 + _same_cell(law.grid, size, rows)))


@exact.register
def _(
    law: CountedCells,
    lam: LamLaw,
    size: tuple[int, int],
    rows: Int[Tensor, " r"] | None = None,
    share: Share = "law",
) -> Moments:
    total = law.grid[0] * law.grid[1]
    if size[0] % law.grid[0] or size[1] % law.grid[1]:
        raise NotImplementedError(f"exact cells need a grid that divides the image: {law}, {size}")
    if not isinstance(lam, Fixed) or law.extra is None:
        raise NotImplementedError("exact counted cells need a fixed lambda and a fixed count")
    count = min(total, int((1 - lam.value) * total) + law.extra)
    weight = {"drawn": lam.value, "own": 1.0}.get(label_of(law, share), 1 - count / total)
    pairs = max(total * (total - 1), 1)
    # probability that two pixels both go to the partner: one cell, or two different ones
    same = _same_cell(law.grid, size, rows)
    one, two = count / total, count * (count - 1) / pairs
    rest = total - count
    kept, both = rest / total, rest * (rest - 1) / pairs
    near, far = (weight * p + (1 - weight) * q for p, q in ((one, kept), (two, both)))
    return _filled(size, rows, near, near * same + far * (1 - same))


def check_theorem(law: MaskLaw, lam: LamLaw) -> None:
    """Checks the theorem's own assumptions: w = lambda and E[M | lambda] = lambda.

    Raises:
        ValueError: which of the two fails.
    """
    if not law.unbiased:
        raise ValueError(
            f"{law} violates the assumption E[M | lambda] = lambda of the MSDA theorem; use a law "
            'with unbiased=True (Box("wrap")) or the exact moments, which do not need it'
        )
    if law.label != "drawn":
        raise ValueError(
            f"{law} violates the assumption that the label share is lambda; it is the realized area"
        )


def key_identity(law: MaskLaw, lam: Beta) -> tuple[float, float]:
    """What the key identity A = c2 11^T + E Cov(M | lambda) adds to: (c1, c2), for laws that meet
    the theorem's assumptions.  c1 = 2 c2 is a at every pixel.

    Raises:
        ValueError: the assumption that the law violates.
    """
    check_theorem(law, lam)
    return mixup_profile(lam)
