"""What does the expansion explain of a real network's loss, on the masks it is trained with?

Any mixed sample x~ with label shares w_k of its sources is seen by every source as a displaced
image:
    sum_k w_k l(f(x~), y_k) = sum_k w_k l(f(x_k + d_k), y_k),    d_k = x~ - x_k.
This is the swap lemma without a mask: it holds for masks that depend on the pair (AutoMix,
PuzzleMix, saliency), for K > 2 sources and for moved or resized contents.  :func:`by_law` draws
displacements from the tilted law of a mask law, :func:`by_policy` from any policy of mixlib;
:func:`expand` measures every term and the remainder on the same displacements (common random
numbers), with forward-mode derivatives only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mixlib.core.lam import LamLaw
from mixlib.core.mask import MaskLaw
from mixlib.core.mix import Mix, blend
from mixlib.core.net import Net
from mixlib.core.objective import Objective
from mixlib.core.policy import Policy
from theory.jets import Loss, Model, curvature, evaluate, jet, loss_derivative, loss_of, residual
from theory.tilt import draw

EPS = (1.0, 0.5, 0.25, 0.125, 0.0625, 0.03125)


@dataclass(frozen=True)
class Displaced:
    """A sample of displacements; the mean loss of the mixed samples is sum_n weight l(x + d, y).

    Attributes:
        anchor: int64 [n], which image is displaced.
        d: float64 [n, C, H, W].
        weight: float64 [n].
    """

    anchor: Int[Tensor, " n"]
    d: Float[Tensor, "n C H W"]
    weight: Float[Tensor, " n"]

    def mass(self, m: int) -> Float[Tensor, " m"]:
        """By how much every image counts, relative to plain training: 1 for all where labels are
        constant or laws ignore the pair; learned and saliency labels re-weight the data."""
        return m * torch.zeros(m, dtype=torch.float64).index_add_(0, self.anchor, self.weight)

    def moments(self, m: int) -> AnchorMoments:
        """Moments of the displacements of every one of m images, for small ones.

        Raises:
            ValueError: they would take more than 2 GB; :func:`expand` needs none of them.
        """
        flat = self.d.flatten(1)
        if m * flat.shape[1] ** 2 > 2**28:
            raise ValueError(
                f"second moments of {m} images of {flat.shape[1]} values take more than 2 GB: "
                "use fewer or smaller images, or expand(), which needs no moments"
            )
        weighted = m * self.weight[:, None] * flat
        mean = torch.zeros(m, flat.shape[1], dtype=flat.dtype).index_add_(0, self.anchor, weighted)
        own = (self.anchor == i for i in range(m))
        return AnchorMoments(
            self.mass(m), mean, torch.stack([weighted[at].T @ flat[at] for at in own])
        )


class AnchorMoments(NamedTuple):
    """What a mask law that may look at the pair adds to every image's terms, s = C H W:

        L = mean_i mass_i l_i,   R1 = mean_i (p - y)^T J mean_i,
        R2 = 1/2 mean_i <second_i, J^T H J>,   R3 = 1/2 mean_i sum_k (p - y)_k <second_i, H_k>.

    Where the law ignores the pair, mass is 1 and second_i is A o C_i; learned and saliency masks
    have no such A.
    """

    mass: Float[Tensor, " m"]
    mean: Float[Tensor, "m s"]
    second: Float[Tensor, "m s s"]


@dataclass(frozen=True)
class Measured:
    """Terms of the expansion on one sample of displacements, with standard errors.

    Attributes:
        L, R1, R2, R3: the terms; L is the loss re-weighted by the anchors' masses.
        error: standard errors of the same four.
        eps: contractions of the displacements.
        loss: [e] mean loss at each eps; remainder: [e] loss - (L + eps R1 + eps^2 (R2 + R3)).
        remainder_error: [e] standard errors of the remainder.
    """

    L: float
    R1: float
    R2: float
    R3: float
    error: tuple[float, ...]
    eps: tuple[float, ...]
    loss: tuple[float, ...]
    remainder: tuple[float, ...]
    remainder_error: tuple[float, ...]

    @property
    def explained(self) -> float:
        """(R1 + R2 + R3) / (L_MSDA - L): the share of the MSDA penalty that the theorem's terms
        explain, at eps = 1."""
        return (self.R1 + self.R2 + self.R3) / (self.loss[self.eps.index(1.0)] - self.L)

    @property
    def slopes(self) -> tuple[float, ...]:
        """Measured order of the remainder between successive eps: 3 as eps -> 0 for smooth f."""
        return slopes(self.eps, self.remainder)


def slopes(eps: Sequence[float], remainder: Sequence[float]) -> tuple[float, ...]:
    """Logarithmic slopes of |remainder| between successive eps."""
    e, r = (torch.tensor(v, dtype=torch.float64) for v in (eps, remainder))
    return tuple((r.abs().log().diff() / e.log().diff()).tolist())


def leading(
    model: Model,
    x: Float[Tensor, "m C H W"],
    y: Float[Tensor, "m K"],
    displaced: Displaced,
    kind: Loss = "cross-entropy",
) -> tuple[float, float]:
    """(c3, c4) of the remainder c3 eps^3 + c4 eps^4 + ..., from the loss's own third and fourth
    derivatives along the displacements: what the measured remainder is held against."""
    at, label = x[displaced.anchor], y[displaced.anchor]
    third, fourth = (
        float(displaced.weight @ loss_derivative(model, at, displaced.d, label, order, kind))
        for order in (3, 4)
    )
    return third / 6, fourth / 24


def cancels(c3: float, c4: float, eps: float) -> bool:
    """True where the third-order terms of anchors and pairs nearly cancel, so that a slope measured
    between eps and eps / 2 need not be within 0.2 of 3."""
    return abs(c4) * eps > abs(c3) / 4


def by_law(
    law: MaskLaw, lam: LamLaw, x: Float[Tensor, "m C H W"], n: int, rng: torch.Generator
) -> Displaced:
    """n displacements u * (x_j - x_i): pairs uniform with replacement, u from the tilted law."""
    pair = (torch.rand(2, n, generator=rng, dtype=torch.float64) * len(x)).long()
    u = draw(law, lam, (x.shape[-2], x.shape[-1]), n, rng)[:, None]
    d = u * (x[pair[1]] - x[pair[0]]).double()
    return Displaced(pair[0], d, torch.full((n,), 1 / n, dtype=torch.float64))


def by_policy(
    policy: Policy,
    x: Float[Tensor, "m C H W"],
    y: Int[Tensor, " m"],
    net: Net | None,
    batch: int,
    batches: int,
    rng: torch.Generator,
) -> Displaced:
    """Displacements of the mixed samples that a policy makes of random batches.

    Raises:
        ValueError: the policy mixes inside the network; displacements are defined on inputs.
    """
    if policy.site != "input":
        raise ValueError(f"displacements are defined for input mixing, not at {policy.site!r}")

    def draw(images: Tensor, labels: Tensor) -> Mix:
        return policy.draw(images, labels, net, rng)

    return by_mixes(draw, x, y, batch, batches, rng)


def by_objective(
    objective: Objective,
    x: Float[Tensor, "m C H W"],
    y: Int[Tensor, " m"],
    batch: int,
    batches: int,
    rng: torch.Generator,
) -> Displaced:
    """Displacements of the mixed samples that a training objective shows its classifier: for masks
    that are themselves trained (AutoMix).  The objective runs as it is, in its own mode."""

    def draw(images: Tensor, labels: Tensor) -> Mix:
        return objective(images, labels, rng).mix

    return by_mixes(draw, x, y, batch, batches, rng)


def by_mixes(
    draw: Callable[[Tensor, Tensor], Mix],
    x: Float[Tensor, "m C H W"],
    y: Int[Tensor, " m"],
    batch: int,
    batches: int,
    rng: torch.Generator,
) -> Displaced:
    """Displacements of every source of every mixed sample, weighted by its label share.

    Args:
        draw: (images, labels) -> mix, in single precision as in training; the blend is repeated in
            double precision.
    """
    anchors, moves, weights = [], [], []
    for _ in range(batches):
        chosen = (torch.rand(batch, generator=rng) * len(x)).long()
        images = x[chosen]
        mix = draw(images.float(), y[chosen])
        out = blend(mix, images.double()).detach()
        for k in range(mix.source.shape[1]):
            source = mix.source[:, k]
            anchors.append(chosen[source])
            moves.append(out - images[source].double())
            weights.append(mix.weight[:, k].double() / (batch * batches))
    return Displaced(torch.cat(anchors), torch.cat(moves), torch.cat(weights))


def expand(
    model: Model,
    x: Float[Tensor, "m C H W"],
    y: Float[Tensor, "m K"],
    displaced: Displaced,
    kind: Loss = "cross-entropy",
    eps: tuple[float, ...] = EPS,
    chunk: int = 512,
) -> Measured:
    """Terms and remainder on one sample of displacements.

    Args:
        model: [n, C, H, W] -> [n, K] in double precision, samples independent of one another.

    Raises:
        ValueError: single-precision data: the remainder at small eps would be rounding noise.
    """
    if x.dtype != torch.float64:
        raise ValueError(f"the remainder is measured in float64, got data in {x.dtype}")
    label, weight = y[displaced.anchor], displaced.weight
    found = jet(model, x[displaced.anchor], displaced.d, chunk)
    rest = residual(found.f, label, kind)
    base = loss_of(found.f, label, kind)
    r1 = (rest * found.df).sum(1)
    r2 = 0.5 * curvature(found.f, found.df, kind)
    r3 = 0.5 * (rest * found.d2f).sum(1)
    losses, remainders = [], []
    for e in eps:
        moved = _displaced_logits(model, x, displaced, e, chunk)
        loss = loss_of(moved, label, kind)
        losses.append(loss)
        remainders.append(loss - base - e * r1 - e**2 * (r2 + r3))
    terms = (base, r1, r2, r3)
    l0, l1, l2, l3 = (float(weight @ v) for v in terms)
    return Measured(
        *(l0, l1, l2, l3),
        tuple(_error(weight, v) for v in terms),
        eps,
        tuple(float(weight @ v) for v in losses),
        tuple(float(weight @ v) for v in remainders),
        tuple(_error(weight, v) for v in remainders),
    )


def _displaced_logits(
    model: Model, x: Tensor, displaced: Displaced, eps: float, chunk: int
) -> Tensor:
    parts = zip(displaced.anchor.split(chunk), displaced.d.split(chunk), strict=True)
    return torch.cat([evaluate(model, x[anchor] + eps * d) for anchor, d in parts])


def _error(weight: Tensor, values: Tensor) -> float:
    """Standard error of a weighted sum of independent terms."""
    terms = weight * values * len(values)
    return float(terms.std() / len(values) ** 0.5)


def linear_certificate(df: Float[Tensor, "n K"], weight: Float[Tensor, " n"], kind: Loss) -> float:
    """Upper bound on |remainder| for logits linear in the input: E~[range(W d)^3] / (36 sqrt 3), by
    the bound on a third cumulant (|w . d| in place of the range for one logit).

    Args:
        df: W d of every displacement.
    """
    span = df.abs()[:, 0] if kind == "logistic" else df.amax(1) - df.amin(1)
    return float(weight @ span**3) / (36 * 3**0.5)
