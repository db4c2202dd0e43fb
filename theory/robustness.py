"""What follows for adversarial robustness and generalization?  Two bounds, with their assumptions
checked.

Own statements and proofs in the spirit of Park, Yun and Chun (NeurIPS 2022) and Zhang et al. (ICLR
2021).  Adversarial: for the logistic loss, centered data, f(x) = grad f . x with no Hessian (linear
or bias-free piecewise linear), every training point classified correctly, E[M | lambda] = lambda =
w:
    L + R1 + R2 >= 1/m sum_i l_adv2(eps_i),  eps_i = c1 R_i |x_i|,  R_i = |cos(grad f_i, x_i)|.
Both sides are second-order surrogates; the exact adversarial loss can exceed the left one, and is
reported beside it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from mixlib.core.lam import LamLaw
from mixlib.core.mask import MaskLaw
from theory.expansion import swapped
from theory.jets import Model
from theory.moments import check_theorem, exact
from theory.profiles import effective_dimension


class Adversarial(NamedTuple):
    """The bound and its neighbors.

    Attributes:
        mixed: L + R1 + R2, the second-order MSDA loss.
        surrogate: mean second-order adversarial loss at the radii; mixed >= surrogate.
        attacked: mean exact adversarial loss of a linear model at the radii.
        radius: float64 [m], eps_i.
    """

    mixed: float
    surrogate: float
    attacked: float
    radius: Float[Tensor, " m"]


def adversarial(
    model: Model,
    x: Float[Tensor, "m C H W"],
    y: Float[Tensor, "m 1"],
    law: MaskLaw,
    lam: LamLaw,
) -> Adversarial:
    """Evaluates both sides of the adversarial bound for one logit and labels in {0, 1}.

    Raises:
        ValueError: an assumption of the theorem fails; the message names it.
    """
    check_theorem(law, lam)
    size = (x.shape[-2], x.shape[-1])
    leaf = x.detach().requires_grad_()
    f = model(leaf)[:, 0]
    grad = torch.autograd.grad(f.sum(), leaf)[0].flatten(1)
    f, flat = f.detach(), x.flatten(1)
    _check_adversarial(f, grad, flat, y[:, 0])
    moments = exact(law, lam, size)
    terms = swapped(model, x, y, moments, "logistic")
    slope = grad.norm(dim=1)
    # c1 R_i |x_i| = c1 |grad . x| / |grad|
    radius = moments.a[0] * (grad * flat).sum(1).abs() / slope
    p = f.sigmoid()
    push = radius * slope
    surrogate = F.softplus(f) - y[:, 0] * f + (p - y[:, 0]).abs() * push
    surrogate = surrogate + 0.5 * p * (1 - p) * push**2
    attacked = F.softplus(-f.abs() + push)
    return Adversarial(
        terms.L + terms.R1 + terms.R2, float(surrogate.mean()), float(attacked.mean()), radius
    )


def _check_adversarial(f: Tensor, grad: Tensor, flat: Tensor, y: Tensor) -> None:
    scale = flat.abs().max()
    if flat.mean(0).abs().max() > 1e-9 * scale:
        raise ValueError("the adversarial bound assumes centered data: subtract the mean image")
    if ((f - (grad * flat).sum(1)).abs() > 1e-7 * (1 + f.abs())).any():
        raise ValueError(
            "the adversarial bound assumes f(x) = grad f(x) . x (linear or bias-free piecewise "
            "linear networks)"
        )
    if not torch.equal((f > 0).to(y.dtype), y):
        wrong = int(((f > 0).to(y.dtype) != y).sum())
        raise ValueError(
            f"the adversarial bound assumes every training point is classified correctly; {wrong} "
            "are not"
        )


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
    coefficients = exact(law, lam, (x.shape[-2], x.shape[-1])).A.repeat(channels, channels)
    penalty = coefficients * covariance
    value, vector = torch.linalg.eigh(covariance)
    kept = value > 1e-10 * value[-1]
    white = vector[:, kept] / value[kept].sqrt()
    relative = torch.linalg.eigvalsh(white.T @ penalty @ white)
    kappa, largest = float(relative[0]), float(relative[-1])
    n, rank = len(flat), int(kept.sum())
    level = gamma / (kappa * retention)
    size = max(level, math.sqrt(level))
    dimension = effective_dimension(penalty, covariance)
    strength = max(gamma / retention, math.sqrt(largest * gamma / retention))
    return Generalization(
        kappa, math.sqrt(size * rank / n), dimension, math.sqrt(strength * dimension / n)
    )
