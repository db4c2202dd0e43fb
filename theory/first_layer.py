"""First-layer form of the regularizers (Park, Yun and Chun, NeurIPS 2022, section 3): penalties on
input gradients as penalties on first-layer weights.

For f(x) = g(W x): grad f = W^T g' and x_j d_j f = sum_k W_kj df/dW_kj.  So for centered data every
term of the expansion that involves x_i alone is a function of the products W_kj df/dW_kj of
first-layer weights and their partial derivatives.  Convolutions: W is their unrolled matrix.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import grad, vmap

from theory.expansion.taylor import Loss, Model, curvature, residual
from theory.moments import Moments


class FirstLayer(NamedTuple):
    """R1, and the part of R2 that x_i x_i^T contributes, from first-layer products."""

    R1: float
    R2_own: float


def products(
    rest: Model, weight: Float[Tensor, "q s"], x: Float[Tensor, "m s"], classes: int
) -> Float[Tensor, "m K s"]:
    """sum_k W_kj df_c/dW_kj for every image, logit c and pixel j.

    Args:
        rest: the network behind the first layer, [m, q] -> [m, K].
        weight: the first layer's matrix W.
    """

    def logit(matrix: Tensor, image: Tensor, c: int) -> Tensor:
        return rest((matrix @ image)[None])[0, c]

    found = []
    for c in range(classes):

        def one(image: Tensor, c: int = c) -> Tensor:
            return (weight * grad(logit)(weight, image, c)).sum(0)

        found.append(vmap(one)(x))
    return torch.stack(found, dim=1)


def first_layer(
    rest: Model,
    weight: Float[Tensor, "q s"],
    x: Float[Tensor, "m s"],
    y: Float[Tensor, "m K"],
    moments: Moments,
    kind: Loss = "cross-entropy",
) -> FirstLayer:
    """R1 = -E sum_c (p - y)_c a . products_c, and R2's part from x_i x_i^T.

    Raises:
        ValueError: the data are not centered; then x_j - x_i does not reduce to -x_i on average.
    """
    if x.mean(0).abs().max() > 1e-9 * x.abs().max():
        raise ValueError("the first-layer form assumes centered data: subtract the mean image")
    f = rest(x @ weight.T)
    found = products(rest, weight, x, f.shape[1])
    r1 = -(residual(f, y, kind) * (found @ moments.a)).sum(1).mean()
    value, vector = torch.linalg.eigh(moments.A)
    # <A, z z^T> = sum_r (root_r . z)^2 logit by logit
    along = found @ (vector * value.clamp(min=0).sqrt())
    bends = torch.stack([curvature(f, along[:, :, r], kind) for r in range(along.shape[2])])
    return FirstLayer(float(r1), float(0.5 * bends.sum(0).mean()))
