"""Generalization bound of MSDA for generalized linear models: the Rademacher complexity of the
class with a small penalty, and its mask-dependent dimension (in the spirit of Zhang et al., ICLR
2021, Theorem 3.4, and of Park, Yun and Chun, NeurIPS 2022; own statement and proof).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from mixlib.core.lam import LamLaw
from mixlib.core.mask import MaskLaw

from .moments import check_theorem, exact_moments
from .moments.profiles import effective_dimension


class Generalization(NamedTuple):
    """Parts of the generalization bound.

    Attributes:
        kappa: smallest generalized eigenvalue of (A o Sigma, Sigma), at least c2.
        rademacher: bound on the Rademacher complexity of the class with penalty at most gamma.
        dimension: d_eff = tr((A o Sigma)^+ Sigma), the mask-dependent dimension.
        refined: sqrt(t_A d_eff / n) with t_A = max(gamma / rho, sqrt(kappa_max gamma / rho)) the
            largest theta^T (A o Sigma) theta in the class; equals ``rademacher`` for Mixup.
    """

    kappa: float
    rademacher: float
    dimension: float
    refined: float


def generalization(
    x: Float[Tensor, "n C H W"],
    law: MaskLaw,
    lam: LamLaw,
    gamma: float,
    retention: float = 1.0,
) -> Generalization:
    """Bound for generalized linear models theta . x with E h''(theta . x) theta^T (A o Sigma) theta
    <= gamma.

    Args:
        x: images; centered here.
        gamma: level of the penalty.
        retention: rho in E h''(v . x) >= rho min(1, E (v . x)^2).

    Raises:
        ValueError: an assumption of the theorem fails, or gamma or rho are not positive.
    """
    check_theorem(law, lam)
    if gamma <= 0 or retention <= 0:
        raise ValueError(f"gamma and rho must be positive, got {gamma}, {retention}")
    flat = x.flatten(1).double()
    flat = flat - flat.mean(0)
    covariance = flat.T @ flat / len(flat)
    channels = x.shape[1]  # one mask for all channels
    coefficients = exact_moments(law, lam, (x.shape[-2], x.shape[-1])).A.repeat(channels, channels)
    penalty = coefficients * covariance
    value, vector = torch.linalg.eigh(covariance)
    positive = value > 1e-10 * value[-1]
    white = vector[:, positive] / value[positive].sqrt()
    relative = torch.linalg.eigvalsh(white.T @ penalty @ white)
    kappa, largest = float(relative[0]), float(relative[-1])
    n, rank = len(flat), int(positive.sum())
    level = gamma / (kappa * retention)
    size = max(level, math.sqrt(level))
    dimension = effective_dimension(penalty, covariance)
    strength = max(gamma / retention, math.sqrt(largest * gamma / retention))
    return Generalization(
        kappa, math.sqrt(size * rank / n), dimension, math.sqrt(strength * dimension / n)
    )
