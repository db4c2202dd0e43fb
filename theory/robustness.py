"""Adversarial robustness of MSDA-trained networks: the second-order MSDA loss bounds an adversarial
loss, for every mask law, also where the border makes E[M | lambda] differ from lambda (in the
spirit of Park, Yun and Chun, NeurIPS 2022, and Zhang et al., ICLR 2021; own statement and proof).

For the logistic loss, centered data, f(x) = grad f . x with no Hessian (linear or bias-free
piecewise linear) and every training point classified correctly,
    L + R1 + R2 >= 1/m sum_i l_adv2(eps_i),
    eps_i = sign(f_i) grad f_i . (a * x_i) / |grad f_i|,
with l_adv2 the adversarial loss at L2 radius eps_i to second order in it.  Proof: with centered
data R1 = 1/m sum |sigma_i - y_i| |grad f_i| eps_i; a is the mean and A the second moment of one
probability measure, so A >= a a^T, C_i >= x_i x_i^T, and by Schur's product theorem
R2 >= 1/(2m) sum sigma'_i |grad f_i|^2 eps_i^2.  Neither E[M | lambda] = lambda nor w = lambda is
needed.  With them a = c1 everywhere and eps_i = c1 R_i |x_i|, R_i = |cos(grad f_i, x_i)|, as in the
paper; without them the radius has the further term sign(f_i) grad f_i . ((a - mean a) * x_i) /
|grad f_i|.  Where eps_i is negative, mixing rewards a step towards the boundary: the inequality
holds, but says nothing about attacks on that point.

Both sides are second-order surrogates; the exact adversarial loss can exceed the left one, and is
reported next to it, as found by projected gradient ascent.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from mixlib.core.lam import LamLaw
from mixlib.core.mask import MaskLaw

from .expansion.dense import anchor_moments
from .expansion.taylor import Loss, Model, loss_of
from .moments import Moments, exact_moments


class Adversarial(NamedTuple):
    """The bound and its neighbors.

    Attributes:
        mixed: L + R1 + R2, the second-order MSDA loss.
        surrogate: mean second-order adversarial loss at the radii; mixed >= surrogate.
        attacked: mean loss under projected gradient ascent at the radii (0 where negative).
        plain: mean loss without an attack: the bound is vacuous where mixed is not above it.
        radius: float64 [m], eps_i.
        opposed: number of points with a negative radius, on which the bound says nothing.
        border_term: mean part of the radius that is due to E~[u] differing between pixels; 0 for
            laws with E[M | lambda] = lambda.
    """

    mixed: float
    surrogate: float
    attacked: float
    plain: float
    radius: Float[Tensor, " m"]
    opposed: int
    border_term: float


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
    size = (x.shape[-2], x.shape[-1])
    leaf = x.detach().requires_grad_()
    f = model(leaf)[:, 0]
    grad = torch.autograd.grad(f.sum(), leaf)[0]
    f = f.detach()
    _check_adversarial(f, grad.flatten(1), x.flatten(1), y[:, 0])
    moments = exact_moments(law, lam, size)
    slope = grad.flatten(1).norm(dim=1)
    first = moments.a.view(1, 1, *size)
    radius, border = (
        f.sign() * (grad * a * x).flatten(1).sum(1) / slope for a in (first, first - first.mean())
    )
    p, push = f.sigmoid(), radius * slope
    plain = F.softplus(f) - y[:, 0] * f
    r1, r2 = gradient_terms(grad, p, y[:, 0], x, moments)
    surrogate = plain + (p - y[:, 0]).abs() * push + 0.5 * p * (1 - p) * push**2
    reached = attack(model, x, y, radius.clamp(min=0), "logistic")
    return Adversarial(
        float(plain.mean()) + r1 + r2,
        float(surrogate.mean()),
        float(reached.mean()),
        float(plain.mean()),
        radius,
        int((radius < 0).sum()),
        float(border.mean()),
    )


def gradient_terms(
    grad: Float[Tensor, "m C H W"],
    p: Float[Tensor, " m"],
    y: Float[Tensor, " m"],
    x: Float[Tensor, "m C H W"],
    moments: Moments,
) -> tuple[float, float]:
    """R1 and R2 of one logit from its input gradients: equal to those of
    :func:`theory.expansion.terms.swapped`, whose cost grows with the rank of A."""
    anchors, flat = anchor_moments(x, moments), grad.flatten(1)
    r1 = (p - y) * (flat * anchors.mean).sum(1)
    r2 = 0.5 * p * (1 - p) * torch.einsum("ms,mst,mt->m", flat, anchors.second, flat)
    return float(r1.mean()), float(r2.mean())


def attack(
    model: Model,
    x: Float[Tensor, "m C H W"],
    y: Float[Tensor, "m K"],
    radius: Float[Tensor, " m"],
    kind: Loss = "cross-entropy",
    steps: int = 20,
) -> Float[Tensor, " m"]:
    """Loss of every image under projected gradient ascent within its own L2 radius (Madry et al.,
    ICLR 2018): normalized gradient steps of 2.5 radius / steps from the image; ``steps=1`` is FGM,
    the L2 form of FGSM (Goodfellow et al., ICLR 2015), at the full radius.
    """
    reach = radius.view(-1, 1, 1, 1)
    rate = reach * (1.0 if steps == 1 else 2.5 / steps)
    moved = torch.zeros_like(x)
    worst = loss_of(model(x), y, kind).detach()
    for _ in range(steps):
        leaf = (x + moved).detach().requires_grad_()
        (grad,) = torch.autograd.grad(loss_of(model(leaf), y, kind).sum(), leaf)
        moved = moved + rate * grad / _norm(grad).clamp(min=1e-30)
        moved = moved * (reach / _norm(moved).clamp(min=1e-30)).clamp(max=1)
        worst = torch.maximum(worst, loss_of(model(x + moved), y, kind).detach())
    return worst


def _norm(images: Tensor) -> Tensor:
    return images.flatten(1).norm(dim=1).view(-1, 1, 1, 1)


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
