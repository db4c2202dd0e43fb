"""Tilted second moments measured on the masks that training draws, with standard errors."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mixlib.core.lam import LamLaw
from mixlib.core.mask import MaskLaw, label_share

from .exact import Moments, Share, label_rule


def monte_carlo_moments(
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
        own, weight = sample_labeled_masks(law, lam, size, min(chunk, n - start), rng, share)
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


def sample_labeled_masks(
    law: MaskLaw, lam: LamLaw, size: tuple[int, int], n: int, rng: torch.Generator, share: Share
) -> tuple[Float[Tensor, "n h w"], Float[Tensor, "n 1"]]:
    """n masks of the own image and their label shares."""
    lams = lam.sample(n, rng)
    own = law.sample(lams, size, rng)
    rule = label_rule(law, share)
    if rule == "own":
        weight = torch.ones_like(lams)
    elif rule == "realized":
        weight = own.mean(dim=(1, 2))
    else:
        weight = lams if rule == "drawn" else label_share(law, lams, own)
    return own, weight[:, None]
