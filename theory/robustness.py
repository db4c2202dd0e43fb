"""Adversarial robustness of MSDA-trained networks: the second-order MSDA loss bounds an adversarial
loss (in the spirit of Park, Yun and Chun, NeurIPS 2022, and Zhang et al., ICLR 2021; own statement
and proof).

For the logistic loss, centered data, f(x) = grad f . x with no Hessian (linear or bias-free
piecewise linear), every training point classified correctly, E[M | lambda] = lambda = w:
    L + R1 + R2 >= 1/m sum_i l_adv2(eps_i),
    eps_i = c1 R_i |x_i|,  R_i = |cos(grad f_i, x_i)|.
Both sides are second-order surrogates; the exact adversarial loss can exceed the left one, and is
reported next to it.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from mixlib.core.lam import LamLaw
from mixlib.core.mask import MaskLaw
from theory.expansion.taylor import Model
from theory.expansion.terms import swapped
from theory.moments import check_theorem, exact_moments


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
    moments = exact_moments(law, lam, size)
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
