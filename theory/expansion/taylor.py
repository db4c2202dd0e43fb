"""First and second derivatives of a classifier's logits and loss along a direction, by forward
mode: never a whole Jacobian or Hessian.

The losses are affine in the label: cross-entropy lse(f) - y . f for K >= 2 logits, and the logistic
loss softplus(f) - y f for one logit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import jvp
from torch.nn import functional as F

Model = Callable[[Tensor], Tensor]
Loss = Literal["cross-entropy", "logistic"]


class Jet(NamedTuple):
    """Logits [n, K] and their first and second derivatives along the directions."""

    f: Float[Tensor, "n K"]
    df: Float[Tensor, "n K"]
    d2f: Float[Tensor, "n K"]


def jet(
    model: Model, x: Float[Tensor, "n *shape"], d: Float[Tensor, "n *shape"], chunk: int = 4096
) -> Jet:
    """f(x), d/dt f(x + t d) and d^2/dt^2 f(x + t d) at t = 0, each sample along its own direction.

    ``model`` must treat samples independently (batch normalization in evaluation mode).
    """

    def slope(point: Tensor, along: Tensor) -> tuple[Tensor, Tensor]:
        value, first, *_ = jvp(model, (point,), (along,))
        return first, value

    found = []
    for point, along in zip(x.split(chunk), d.split(chunk), strict=True):

        def once(z: Tensor, along: Tensor = along) -> tuple[Tensor, Tensor]:
            return slope(z, along)

        (first, value), (second, _), *_ = jvp(once, (point,), (along,))
        found.append((value.detach(), first.detach(), second.detach()))
    return Jet(*(torch.cat(part) for part in zip(*found, strict=True)))


def loss_of(f: Float[Tensor, "n K"], y: Float[Tensor, "n K"], kind: Loss) -> Float[Tensor, " n"]:
    """Loss per sample for (possibly mixed) labels y.

    Raises:
        ValueError: one logit with cross-entropy, whose loss would be 0 whatever the logit; or
            several with the logistic loss.
    """
    if kind == "logistic":
        if f.shape[1] != 1:
            raise ValueError(f"the logistic loss takes one logit, got {f.shape[1]}")
        return (F.softplus(f) - y * f)[:, 0]
    if f.shape[1] < 2:
        raise ValueError("cross-entropy assumes K >= 2 logits, got 1; use the logistic loss")
    return f.logsumexp(1) - (y * f).sum(1)


def loss_derivatives(
    model: Model,
    x: Float[Tensor, "n *shape"],
    d: Float[Tensor, "n *shape"],
    y: Float[Tensor, "n K"],
    order: int,
    kind: Loss,
    chunk: int = 4096,
) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
    """d^(order-1)/dt^(order-1) and d^order/dt^order of l(f(x + t d), y) at t = 0 by nested forward
    mode (cost 2^order passes; the lower one is a by-product of the last)."""

    def differentiated(value: Model, along: Tensor) -> Model:
        return lambda z: jvp(value, (z,), (along,))[1]

    found = []
    for point, along, label in zip(x.split(chunk), d.split(chunk), y.split(chunk), strict=True):

        def loss(z: Tensor, label: Tensor = label) -> Tensor:
            return loss_of(model(z), label, kind)

        value: Model = loss
        for _ in range(order - 1):
            value = differentiated(value, along)
        lower, upper, *_ = jvp(value, (point,), (along,))
        found.append((lower.detach(), upper.detach()))
    lowers, uppers = zip(*found, strict=True)
    return torch.cat(lowers), torch.cat(uppers)


def residual(f: Float[Tensor, "n K"], y: Float[Tensor, "n K"], kind: Loss) -> Float[Tensor, "n K"]:
    """Gradient of the loss by the logits: p - y."""
    return (f.sigmoid() if kind == "logistic" else f.softmax(1)) - y


def curvature(f: Float[Tensor, "n K"], df: Float[Tensor, "n K"], kind: Loss) -> Float[Tensor, " n"]:
    """df^T H df with H = diag(p) - p p^T the Hessian of the loss by the logits: Var_p(df)."""
    if kind == "logistic":
        p = f.sigmoid()
        return (p * (1 - p) * df**2)[:, 0]
    p = f.softmax(1)
    mean = (p * df).sum(1, keepdim=True)
    return (p * (df - mean) ** 2).sum(1)


def evaluate(model: Model, x: Float[Tensor, "n *shape"], chunk: int = 16384) -> Tensor:
    """Logits without gradients, in chunks."""
    with torch.no_grad():
        return torch.cat([model(part) for part in x.split(chunk)])
