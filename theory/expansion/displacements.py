"""Displacements of mixed samples, drawn from mask laws, policies or training objectives of mixlib.

Any mixed sample x~ with label shares w_k of its sources is seen by every source as a displaced
image:
    sum_k w_k l(f(x~), y_k) = sum_k w_k l(f(x_k + d_k), y_k),    d_k = x~ - x_k.
This is the swap lemma without a mask: it holds for masks that depend on the pair (AutoMix,
PuzzleMix, saliency), for K > 2 sources and for moved or resized contents.
"""

from __future__ import annotations

from collections.abc import Callable
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

from ..moments.tilt import draw


@dataclass(frozen=True)
class Displaced:
    """A sample of displacements; the mean loss of the mixed samples is sum_n weight l(x + d, y).

    Attributes:
        anchor: int64 [n], which image is displaced.
        d: float64 [n, C, H, W].
        weight: float64 [n].
        group: int64 [n], the independent draw that each belongs to: the sources of a mixed sample,
            and samples with one lambda, depend on each other; None: all are independent.
    """

    anchor: Int[Tensor, " n"]
    d: Float[Tensor, "n C H W"]
    weight: Float[Tensor, " n"]
    group: Int[Tensor, " n"] | None = None

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
    if set(policy.places) != {"input"}:
        raise ValueError(f"displacements are defined for input mixing, not at {policy.places}")

    def draw(images: Tensor, labels: Tensor) -> Mix:
        return policy.choose(rng).draw(images, labels, net, rng)

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
    """Displacements of every source of every mixed sample, weighted by its label share; a batch is
    one independent draw.

    Args:
        draw: (images, labels) -> mix, in single precision as in training; the blend is repeated in
            double precision.
    """
    anchors, moves, weights, groups = [], [], [], []
    for drawn in range(batches):
        chosen = (torch.rand(batch, generator=rng) * len(x)).long()
        images = x[chosen]
        mix = draw(images.float(), y[chosen])
        out = blend(mix, images.double()).detach()
        for k in range(mix.source.shape[1]):
            source = mix.source[:, k]
            anchors.append(chosen[source])
            moves.append(out - images[source].double())
            weights.append(mix.weight[:, k].double() / (batch * batches))
            groups.append(torch.full((batch,), drawn))
    return Displaced(*map(torch.cat, (anchors, moves, weights, groups)))
