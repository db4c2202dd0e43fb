"""Exact moments of GMix, a Gaussian mask (Park, Yun and Chun, NeurIPS 2022, section 4): on the
pixel grid as training draws it, on the unit torus and on the free plane.

The Gaussian is read off ``mixlib``'s own law.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Int
from numpy.typing import NDArray
from torch import Tensor

from mixlib.core.lam import Beta, LamLaw
from mixlib.methods.gmix import GMix, fall

from .exact import Moments, Share, exact_moments, label_rule
from .lam import mixup_coefficient, nodes
from .separable import Axis, Parts, Total


def gmix_panels(area: int) -> NDArray:
    """Panels for a bell's share k = min(lambda, 1 - lambda): octaves from 1/2 down to where the
    bell has shrunk to its center pixel (exp(-pi / (k area)) < 1e-17)."""
    octaves = int(np.ceil(np.log2(0.5 * 39 * area / np.pi)))
    small = 0.5 * 0.5 ** np.arange(octaves + 1.0)
    return np.concatenate([small, 1 - small])


def gaussian_axes(share: Tensor, n: int, area: int, rows: Tensor) -> tuple[Tensor, Tensor, Axis]:
    """One axis of bells with uniform integer centers, one group per share.

    Returns:
        [L] mean over centers of the mean bump, [L, n] the same times the bump, and the moments of
        the bump itself.
    """
    count = len(share)
    bump = fall(torch.arange(n).repeat(count), share.repeat_interleave(n), n, area).view(
        count, n, n
    )
    mean = bump.mean(2)
    two = torch.einsum("lcr,lcn->lrn", bump[:, :, rows], bump) / n
    weighted = torch.einsum("lc,lcn->ln", mean, bump) / n
    return mean.mean(1), weighted, Axis(mean.mean(1), torch.ones(count).double(), bump.mean(1), two)


@exact_moments.register
def _(
    law: GMix,
    lam: LamLaw,
    size: tuple[int, int],
    rows: Int[Tensor, " r"] | None = None,
    share: Share = "law",
) -> Moments:
    # both M = G, w = g and M = 1 - G, w = 1 - g give g (1 - G)(1 - G') + (1 - g) G G'
    if label_rule(law, share) != "realized":
        raise NotImplementedError("GMix: exact only with the realized mean as label")
    if size[0] != size[1] and law.nonsquare == "error":
        raise ValueError(f"GMix is defined for square images, got {size[0]} x {size[1]}")
    total, area = Total(size, rows), size[0] * size[1]
    points, weights = nodes(lam, gmix_panels(area), order=16)
    rarer = torch.from_numpy(np.minimum(points, 1 - points))
    for k, c in zip(rarer.split(32), torch.from_numpy(weights).split(32), strict=True):
        g_down, gy, down = gaussian_axes(k, size[0], area, total.at[0])
        g_across, gx, across = gaussian_axes(k, size[1], area, total.at[1])
        diagonal, none = torch.diag(c), torch.zeros(len(c), len(c), dtype=torch.float64)
        total.add(Parts(none, diagonal, none, none, diagonal), down, across)
        mean, tied = (c * g_down * g_across).sum(), ((c[:, None] * gy).T @ gx).flatten()
        total.a += mean - 2 * tied
        total.constant += mean.item()
        total.linear -= tied
    return total.moments()


def gmix_nodes(lam: Beta) -> tuple[NDArray, NDArray]:
    """Nodes of k = min(lambda, 1 - lambda) in panels that halve towards 0."""
    small = 0.5 ** np.arange(1, 40)
    points, weights = nodes(lam, np.concatenate([small, 1 - small]), order=20)
    return np.minimum(points, 1 - points), weights


def gmix_on_torus(lam: Beta, down: NDArray, across: NDArray) -> NDArray:
    """A of GMix on the unit torus: c2 + E[k/2 sum over images exp(-pi |D|^2 / (2 k)) - k^2]."""
    k, weights = gmix_nodes(lam)
    sums = []
    for distance in (down, across):
        image = distance[:, None] + np.arange(-8, 9)
        sums.append(np.exp(-np.pi * image**2 / (2 * k[:, None, None])).sum(-1))
    return mixup_coefficient(lam) + weights @ (k[:, None] / 2 * sums[0] * sums[1] - k[:, None] ** 2)


def gmix_on_plane(lam: Beta, down: NDArray, across: NDArray) -> NDArray:
    """A of GMix where the bell never meets the border: c2 + E[k/2 exp(-pi |D|^2 / (2 k)) - k^2],
    distances relative to the image's side."""
    k, weights = gmix_nodes(lam)
    fallen = np.exp(-np.pi * (down**2 + across**2) / (2 * k[:, None]))
    return mixup_coefficient(lam) + weights @ (k[:, None] / 2 * fallen - k[:, None] ** 2)
