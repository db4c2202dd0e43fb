"""Terms of the expansion by their definition, from whole Jacobians and Hessians (autograd): what
every matrix-free computation is held against on small images.

With mean_i = E~[d] and second_i = E~[d d^T] the moments of image i's displacements,
    R1 = E_i (p - y)^T J mean_i,
    R2 = 1/2 E_i <second_i, J^T H J>,
    R3 = 1/2 E_i sum_k (p - y)_k <second_i, Hess f_k>;
for a mask law that ignores the pair, mean_i = a * (xbar - x_i) and second_i = A o C_i.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import hessian, jacrev, vmap

from ..moments import Moments
from .displacements import AnchorMoments
from .taylor import Loss, Model, loss_of, residual
from .terms import Swapped


def anchor_moments(x: Float[Tensor, "m C H W"], moments: Moments) -> AnchorMoments:
    """Moments of every image's displacements under a mask law that ignores the pair: mean
    a * (xbar - x_i) and second moment A o C_i, one mask for all channels."""
    m, channels = x.shape[:2]
    flat = x.flatten(1)
    first, second = moments.a.repeat(channels), moments.A.repeat(channels, channels)
    gap = flat[None] - flat[:, None]  # [i, j, s] = x_j - x_i
    spread = torch.einsum("ijs,ijt->ist", gap, gap) / m
    mass = torch.ones(m, dtype=x.dtype)
    return AnchorMoments(mass, first * gap.mean(1), second * spread)


def loss_hessian(f: Float[Tensor, "m K"], kind: Loss) -> Float[Tensor, "m K K"]:
    """Hessian of the loss by the logits: diag(p) - p p^T, or p (1 - p) for one logit."""
    if kind == "logistic":
        p = f.sigmoid()
        return (p * (1 - p))[:, :, None]
    p = f.softmax(1)
    return torch.diag_embed(p) - p[:, :, None] * p[:, None]


def dense_terms(
    model: Model,
    x: Float[Tensor, "m C H W"],
    y: Float[Tensor, "m K"],
    anchors: AnchorMoments,
    kind: Loss = "cross-entropy",
) -> Swapped:
    """L, R1, R2 and R3 by their definition.

    Memory: m K s^2 numbers for s = C H W values per image: for small images.
    """
    shape = x.shape[1:]

    def one(image: Tensor) -> Tensor:
        return model(image.view(1, *shape))[0]

    flat = x.flatten(1)
    jacobian, hessians = vmap(jacrev(one))(flat), vmap(hessian(one))(flat)
    f = vmap(one)(flat)
    wrong = residual(f, y, kind)
    r1 = torch.einsum("mk,mks,ms->m", wrong, jacobian, anchors.mean).mean()
    # one contraction at a time: einsum would otherwise choose an order of cost m K^2 s^2
    bent = torch.einsum("mks,mst->mkt", jacobian, anchors.second)
    spread = torch.einsum("mkt,mlt->mkl", bent, jacobian)
    r2 = 0.5 * (spread * loss_hessian(f, kind)).sum((1, 2)).mean()
    r3 = 0.5 * torch.einsum("mk,mkst,mst->m", wrong, hessians, anchors.second).mean()
    base = (anchors.mass * loss_of(f, y, kind)).mean()
    return Swapped(*(float(v.detach()) for v in (base, r1, r2, r3)))
