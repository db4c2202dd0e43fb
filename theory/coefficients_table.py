"""Page beside the pictures of the coefficients: what they show, and A of the middle pixel by family
in numbers."""

from __future__ import annotations

from typing import NamedTuple

import torch

from .experiments.page import Page, listed
from .families import Family, families
from .moments import center
from .moments.lam import mixup_coefficient
from .moments.profiles import by_distance
from .plots import FLOOR, middle_row


class Reach(NamedTuple):
    """A_jk of the middle pixel j of one family.

    Attributes:
        itself: A_jj; mean: over all k; far: at the largest distance.
        below: smallest distance from which A_jk stays below Mixup's, None if it ends above it.
    """

    itself: float
    mean: float
    far: float
    below: float | None


def reach_of(family: Family, size: tuple[int, int], n: int, mixup: float) -> Reach:
    """Measures the reach of a family.

    Args:
        n: masks, where the moments have no closed form.
        mixup: coefficient of Mixup.
    """
    row = middle_row(family, size, n)
    distance, value = by_distance(row, center(size))
    # equal to rounding is not below
    above = torch.nonzero(value >= mixup * (1 - 1e-9)).flatten().tolist()
    start = above[-1] + 1 if above else 0
    below = float(distance[start]) if start < len(distance) else None
    return Reach(float(value[0]), float(row.row(center(size)).mean()), float(value[-1]), below)


def coefficients_page(size: int = 32, alpha: float = 1.0, n: int = 6000) -> Page:
    """Every family's A of the middle pixel, and what the three pictures show."""
    known, mixup = families(alpha, cells=8), mixup_coefficient(families(alpha)["Mixup"].lam)
    found = {name: reach_of(one, (size, size), n, mixup) for name, one in known.items()}
    made = Page(
        "Coefficients A: which pairs of pixels a method regularizes",
        "How strongly do the second-order terms of each method weigh a pair of pixels, by their "
        "distance?",
    )
    made.say(
        "R2 and R3 weigh the products of derivatives at two pixels j and k by A_jk = E[w u_j u_k + "
        "(1 - w)(1 - u_j)(1 - u_k)], u = 1 - M the partner's share of a pixel and w the own "
        f"image's share of the label. {size} x {size} pixels, alpha = {alpha:g}, j the middle "
        f"pixel. Exact, or measured on {n} masks where the table says n = {n}. SmoothMix, "
        "ResizeMix and the released TokenMix have laws of lambda of their own."
    )
    made.items(*_seen(found, mixup))
    made.tabulate(
        "A_jk of the middle pixel j. mean: over all k; farthest: at the largest distance; below "
        f"Mixup's: the distance in pixels from which A_jk stays below Mixup's {mixup:.3f}.",
        ["family", "A_jj", "mean", "farthest", "below Mixup's", "moments"],
        [_cells(name, one, found[name], n) for name, one in known.items()],
    )
    made.items(
        "coefficients.png: A_jk against the distance of k from j, mean over the pixels at that "
        "distance. GridMix, GridMix with unbiased label and random tokens nearly agree; their "
        "dashes take turns.",
        "maps.png: A_jk as an image over k, all families on one scale of colors.",
        "spectra.png: S(k, 0) = f_k^H A f_k / s^2 with s the number of pixels and f_k the vertical "
        "Fourier wave of k cycles per image: how strongly gradients that vary with this frequency "
        f"are penalized. The axis ends at {FLOOR:g}: what is smaller, zero included, is not shown "
        "(cells and tokens vanish at multiples of their grid's frequency, Mixup everywhere beyond "
        "k = 0).",
    )
    return made


def _cells(name: str, family: Family, found: Reach, n: int) -> list[str]:
    below = "never" if found.below is None else f"{found.below:.1f}"
    values = [f"{v:.3f}" for v in (found.itself, found.mean, found.far)]
    return [name, *values, below, "exact" if family.exact else f"n = {n}"]


def _seen(found: dict[str, Reach], mixup: float) -> list[str]:
    """What the numbers say beside Mixup's constant."""
    others = {name: one for name, one in found.items() if name != "Mixup"}
    crossing = [n for n, one in others.items() if one.itself > mixup and one.below is not None]
    above = [n for n, one in others.items() if one.below is None]
    near = max(others, key=lambda name: others[name].itself)
    return [
        f"Mixup weighs every pair alike, {mixup:.3f}. Above it near by and below it far away: "
        f"{listed(crossing)}. Not below it at the largest distance: {listed(above)}.",
        f"A pixel with itself is weighted most by {listed([near])}, {found[near].itself:.3f}.",
    ]
