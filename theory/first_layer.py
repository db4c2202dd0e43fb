"""First-layer form of the regularizers (Park, Yun and Chun, NeurIPS 2022, section 3): penalties on
input gradients and Hessians as penalties on first-layer weights.

For f(x) = g(W x): grad f = W^T g', Hess f = W^T g'' W.  So R2 and R3 see the mask and the data only
through W (A o C_i) W^T.  And x_j d_j f = sum_a W_aj df/dW_aj,
x_j x_k d_jk f = sum_ab W_aj W_bk d2f/dW_aj dW_bk, so for centered data every term of the expansion
that involves x_i alone is a function of first-layer weights and their partial derivatives.
Convolutions: W is their unrolled matrix, see :func:`split`.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import grad, hessian, jacrev, vmap

from .expansion.dense import anchor_moments, loss_hessian
from .expansion.taylor import Loss, Model, curvature, jet, residual
from .expansion.terms import roots
from .moments import Moments


class FirstLayer(NamedTuple):
    """Terms of the expansion from the first layer.

    Attributes:
        R1: from first-layer products.
        R2, R3: from W (A o C_i) W^T and the derivatives behind the first layer.
        R2_own, R3_own: the parts that x_i x_i^T contributes, from first-layer products.
    """

    R1: float
    R2: float
    R3: float
    R2_own: float
    R3_own: float


def split(net: nn.Sequential, shape: tuple[int, int, int]) -> tuple[Model, Float[Tensor, "q s"]]:
    """A network as g(W x): what follows the first layer, and that layer's matrix.

    Args:
        net: begins with a linear layer (after flattening) or a convolution.
        shape: [C, h, w] of an image.

    Raises:
        ValueError: the first layer is of another kind.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.Flatten()).double()
        >>> rest, weight = split(net, (1, 4, 4))
        >>> x = torch.ones(1, 1, 4, 4, dtype=torch.float64)
        >>> weight.shape, torch.allclose(rest(x.flatten(1) @ weight.T), net(x))
        (torch.Size([32, 16]), True)
    """
    layers = [layer for layer in net if not isinstance(layer, nn.Flatten)]
    first, at = layers[0], list(net).index(layers[0])
    if not isinstance(first, (nn.Linear, nn.Conv2d)):
        raise ValueError(
            "the first-layer form needs a linear layer or a convolution first, found "
            f"{type(first).__name__}"
        )
    behind, count = net[at + 1 :], shape[0] * shape[1] * shape[2]
    basis = torch.eye(count, dtype=first.weight.dtype)
    with torch.no_grad():
        form = (1, *shape) if isinstance(first, nn.Conv2d) else (1, count)
        at_zero = first(torch.zeros(form, dtype=first.weight.dtype))
        columns = first(basis.view(count, *form[1:])) - at_zero
    hidden = at_zero.shape[1:]

    def rest(z: Tensor) -> Tensor:
        found: Tensor = behind(z.view(-1, *hidden) + at_zero)
        return found

    return rest, columns.flatten(1).T.contiguous()


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
    """R1 = -E sum_c (p - y)_c a . products_c; R2 and R3 behind the first layer; and their parts
    from x_i x_i^T by first and second derivatives towards the weights W diag(v_r), with
    A = sum_r v_r v_r^T.

    Args:
        x: flattened images, s = C h w, one mask for all channels.

    Raises:
        ValueError: the data are not centered; then x_j - x_i does not reduce to -x_i on average.
    """
    if x.mean(0).abs().max() > 1e-9 * x.abs().max():
        raise ValueError("the first-layer form assumes centered data: subtract the mean image")
    f = rest(x @ weight.T)
    wrong = residual(f, y, kind)
    channels = x.shape[1] // len(moments.a)
    found = products(rest, weight, x, f.shape[1])
    r1 = -(wrong * (found @ moments.a.repeat(channels))).sum(1).mean()
    r2, r3 = _behind(rest, weight, x, y, moments, kind)
    root = roots(moments.A, moments.size).flatten(1).repeat(1, channels)
    i, r = torch.cartesian_prod(torch.arange(len(x)), torch.arange(len(root))).unbind(1)
    # the logits as functions of W, along W diag(v_r), at the image i
    bent = jet(
        lambda z: rest(torch.einsum("nqs,ns->nq", z, x[i])),
        weight.repeat(len(i), 1, 1),
        weight * root[r][:, None],
        chunk=len(i),
    )
    own2 = 0.5 * curvature(bent.f, bent.df, kind).sum() / len(x)
    own3 = 0.5 * (wrong[i] * bent.d2f).sum() / len(x)
    return FirstLayer(*(float(v.detach()) for v in (r1, r2, r3, own2, own3)))


def _behind(
    rest: Model, weight: Tensor, x: Tensor, y: Tensor, moments: Moments, kind: Loss
) -> tuple[Tensor, Tensor]:
    """R2 = 1/2 E <W (A o C_i) W^T, g'^T H g'> and R3 = 1/2 E sum_c (p - y)_c <W (A o C_i) W^T,
    g_c''>."""
    h, w = moments.size
    anchors = anchor_moments(x.view(len(x), -1, h, w), moments)
    seen = torch.einsum("qs,mst,pt->mqp", weight, anchors.second, weight)
    hidden = x @ weight.T

    def one(z: Tensor) -> Tensor:
        return rest(z[None])[0]

    f, slope, bend = rest(hidden), vmap(jacrev(one))(hidden), vmap(hessian(one))(hidden)
    spread = torch.einsum("mkq,mqp,mlp->mkl", slope, seen, slope)
    r2 = 0.5 * (spread * loss_hessian(f, kind)).sum((1, 2)).mean()
    r3 = 0.5 * torch.einsum("mk,mkqp,mqp->m", residual(f, y, kind), bend, seen).mean()
    return r2, r3
