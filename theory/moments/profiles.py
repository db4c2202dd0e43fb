"""Coefficients A_jk by pixel distance and by displacement, their spectrum, and the dimension of a
penalty.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from .exact import Moments


def by_distance(
    moments: Moments, pixel: int, bins: int | None = None
) -> tuple[Float[Tensor, " r"], Float[Tensor, " r"]]:
    """Mean coefficient A_jk of pixel j against its distance to k: the paper's central picture.

    Args:
        bins: number of equal-width bins; by default one per pixel of distance.

    Returns:
        mean distance and mean coefficient of every non-empty bin.
    """
    row = moments.row(pixel)
    h, w = row.shape
    down, across = torch.arange(h) - pixel // w, torch.arange(w) - pixel % w
    distance = (down[:, None] ** 2 + across**2).double().sqrt()
    width = 1.0 if bins is None else float(distance.max()) / bins
    index = (distance / width).round().long().flatten()
    count = torch.bincount(index).double()
    filled = count > 0
    sums = [torch.bincount(index, weights=v.flatten()) for v in (distance, row)]
    return sums[0][filled] / count[filled], sums[1][filled] / count[filled]


def by_lag(moments: Moments) -> Float[Tensor, "P Q"]:
    """Mean of A_jk over all pairs with the same displacement, [2h - 1, 2w - 1], zero in the
    middle."""
    h, w = moments.size
    full = moments.A.view(h, w, h, w)
    found = torch.zeros(2 * h - 1, 2 * w - 1, dtype=moments.A.dtype)
    y, x = torch.arange(h), torch.arange(w)
    down = (y[None, :] - y[:, None] + h - 1)[:, None, :, None].expand(h, w, h, w)
    across = (x[None, :] - x[:, None] + w - 1)[None, :, None, :].expand(h, w, h, w)
    index = (down * (2 * w - 1) + across).flatten()
    found.view(-1).index_add_(0, index, full.flatten())
    count = torch.outer(
        h - (torch.arange(2 * h - 1) - h + 1).abs(), w - (torch.arange(2 * w - 1) - w + 1).abs()
    )
    return found / count


def spectrum(matrix: Float[Tensor, "s s"], size: tuple[int, int]) -> Float[Tensor, "h w"]:
    """S(k) = f_k^H K f_k / s^2 with f_k the Fourier vectors: for a stationary law on the torus the
    Fourier coefficients of K(D)."""
    h, w = size
    once = torch.fft.fft2(matrix.view(h, w, h * w), dim=(0, 1))
    both = torch.fft.ifft2(once.reshape(h * w, h, w), dim=(1, 2)).reshape(h * w, h * w)
    return both.diagonal().real.view(h, w) / (h * w)


def effective_dimension(penalty: Float[Tensor, "s s"], covariance: Float[Tensor, "s s"]) -> float:
    """d_eff = tr((A o Sigma)^+ Sigma): the directions of the data, each weighted by the inverse of
    the penalty's strength on it.  Not a count: with A = c2 everywhere (Mixup) it is rank / c2, and
    no law that meets the bound's assumptions has more.

    Args:
        penalty: Sigma_A = A o Sigma.
        covariance: Sigma.
    """
    return float(torch.trace(torch.linalg.pinv(penalty, hermitian=True) @ covariance))
