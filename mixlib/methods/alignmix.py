"""AlignMix: feature maps are aligned by optimal transport before they are mixed.

Venkataramanan et al., "AlignMixup: Improving Representations by Interpolating Aligned Features",
CVPR 2022, section 3: between the positions of two last feature maps an entropic transport plan is
found (squared Euclidean cost, uniform marginals), one map is rearranged by it to the other's
layout, and the two are interpolated.

The reference materializes all differences [B, C, r, r]; here |a|^2 + |b|^2 - 2 a b gives the same
costs from one batched matrix product.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mixlib.core.arguments import Positive, checked
from mixlib.core.choice import Choice
from mixlib.core.hyperparameters import same
from mixlib.core.lam import Beta, LamLaw
from mixlib.core.method import Method
from mixlib.core.mix import Mix, pair
from mixlib.core.net import Net
from mixlib.core.policy import Pairing, PairPolicy, Policy, Scope
from mixlib.methods.mixup import mixup

EPSILON = 0.1  # entropy weight
ITERATIONS = 100
THRESHOLD = 0.1  # of the mean over the batch of sum |change of u|
LOG_FLOOR = 1e-8  # inside the logarithm of the marginals, as released
CACHED = 200_000  # numbers of a map that are worked on at a time


def distances(a: Float[Tensor, "B C r"], b: Float[Tensor, "B C s"]) -> Float[Tensor, "B r s"]:
    """Squared Euclidean distances between columns, float32.

    Columns are taken from their common mean first: less is lost in |a|^2 + |b|^2 - 2 a b.  On the
    CPU a few samples at a time, so that what is read six times comes from the cache.
    """
    a, b = a.float(), b.float()
    step = max(CACHED // a[0].numel(), 1) if a.device.type == "cpu" else max(len(a), 1)
    parts = zip(a.split(step), b.split(step), strict=True)
    return torch.cat([_distances(*part) for part in parts])


def _distances(a: Float[Tensor, "n C r"], b: Float[Tensor, "n C s"]) -> Float[Tensor, "n r s"]:
    # means as products: torch's mean over an axis as short as 16 takes 3 times as long
    mean = a @ _even(a.shape[2], a.device) + b @ _even(b.shape[2], b.device)
    a, b = a - mean, b - mean
    square = a.square().sum(1)[:, :, None] + b.square().sum(1)[:, None]
    return torch.baddbmm(square, a.mT, b, alpha=-2).clamp_(min=0)


def _even(length: int, device: torch.device) -> Float[Tensor, "length 1"]:
    return torch.full((length, 1), 0.5 / length, device=device)


def transport_plan(
    cost: Float[Tensor, "B r s"],
    epsilon: float = EPSILON,
    iterations: int = ITERATIONS,
    threshold: float = THRESHOLD,
    every: int = 5,
) -> Float[Tensor, "B r s"]:
    """Entropic transport between uniform weights (Cuturi 2013), stable for any cost.

    Args:
        cost: of moving between positions.
        epsilon: entropy weight.
        iterations: at most so many.
        threshold: stop once the mean over the batch of sum |change of u| is below it.
        every: how often that is looked at (one host round trip each); 1 as released.
    """
    r, s = cost.shape[1:]
    row, col = 1 / r + LOG_FLOOR, 1 / s + LOG_FLOOR
    kernel = cost * (-1 / epsilon)
    # u and v are the potentials over epsilon; only the first turn has to be taken in logarithms
    u = math.log(row) - torch.logsumexp(kernel, 2)
    plan = kernel + u[:, :, None]
    v = math.log(col) - torch.logsumexp(plan, 1)
    plan.add_(v[:, None]).exp_()
    turn, step = 1, u
    while turn < iterations:
        if turn % every == 0 and float(step.abs().sum(1).mean()) * epsilon < threshold:
            break
        # From here on sums of rows and columns, hence factors, stay within [1 / r, r]: a few turns
        # on the plan itself cannot overflow.  The potentials take the factors up, exactly.
        down, across = torch.ones_like(u), torch.ones_like(v)
        for _ in range(min(every - turn % every, iterations - turn)):
            before = down
            down = row / (plan * across[:, None]).sum(2)
            across = col / (plan * down[:, :, None]).sum(1)
            turn += 1
        step = (down / before).log()
        u, v = u + down.log(), v + across.log()
        torch.add(kernel, u[:, :, None], out=plan).add_(v[:, None]).exp_()
    return plan


def aligned(plan: Float[Tensor, "B r s"], x: Float[Tensor, "B C h w"]) -> Float[Tensor, "B C h w"]:
    """The map ``x`` (s positions) in the layout of the plan's rows (r = s positions)."""
    shares = (plan.mT * plan.shape[1]).to(x.dtype)
    return (x.flatten(2) @ shares).view_as(x)


@dataclass(frozen=True)
class Align(PairPolicy):
    """Mixup of a feature map with the partner's, one of them aligned to the other.

    Args:
        lam: law of lambda.
        site: the feature map [B, C, h, w].
        scope: one lambda per "sample" or one for the "batch".
        pairing: see :func:`mixlib.core.policy.partners`.
    """

    needs = frozenset({"features"})

    lam: LamLaw
    site: str = "stage4"
    scope: Scope = "sample"
    pairing: Pairing = "roll"

    def check_net(self, net: Net) -> None:
        super().check_net(net)
        if net.layout_of(self.site) == "tokens":
            raise ValueError(
                f"AlignMix aligns feature maps [B, C, h, w], but {type(net.body).__name__} holds "
                f"tokens at {self.site!r}: take a network with maps, or another site"
            )

    def draw(self, z: Tensor, y: Int[Tensor, " B"], net: Net | None, rng: torch.Generator) -> Mix:
        if z.ndim != 4:
            raise ValueError(f"AlignMix needs a feature map [B, C, h, w], got {tuple(z.shape)}")
        pairs = self.draw_pairs(len(z), rng)
        own_moves = bool(torch.rand((), generator=rng, device=rng.device) < 0.5)
        pairs = pairs.to(z.device)
        other = z[pairs.partner]
        with torch.no_grad():
            plan = transport_plan(distances(z.flatten(2), other.flatten(2)))
        return aligned_mix(z, other, plan, pairs.partner, pairs.lam_each, own_moves, pairs.shift)


def aligned_mix(
    z: Float[Tensor, "B C h w"],
    other: Float[Tensor, "B C h w"],
    plan: Float[Tensor, "B r s"],
    partner: Int[Tensor, " B"],
    lam: Float[Tensor, " B"],
    own_moves: bool,
    shift: int | None = None,
) -> Mix:
    """The mix for a given plan and direction: gradients reach both maps, not the plan."""
    parts = (aligned(plan.mT, z), other) if own_moves else (None, aligned(plan, other))
    return pair(partner, lam.to(z.dtype)[:, None, None], lam, shift=shift, parts=parts)


@checked
def alignmix(
    alpha: Positive = 2.0,
    site: str = "stage4",
    scope: Scope = "sample",
    pairing: Pairing = "roll",
) -> Policy:
    """AlignMix (Venkataramanan et al., CVPR 2022): aligned features on half of the batches, Mixup
    of the input on the others.

    Released: one lambda per batch, partners by permutation.

    Args:
        alpha: lambda ~ Beta(alpha, alpha).
        site: the feature map that is aligned.
        scope: one lambda per "sample" or one for the "batch".
        pairing: see :func:`mixlib.core.policy.partners`.

    Example:
        >>> policy = alignmix(alpha=2.0)
        >>> policy.places, policy.odds
        (('input', 'stage4'), (0.5, 0.5))
    """
    ways = (mixup(alpha, scope, pairing), Align(Beta(alpha), site, scope, pairing))
    return Choice(ways, (0.5, 0.5))


ROW = Method(
    "alignmix",
    "AlignMix",
    "alignmix",
    "Venkataramanan et al., AlignMixup: Improving Representations by Interpolating Aligned "
    "Features, CVPR 2022, arXiv:2103.15375",
    2022,
    same(alpha=2.0),
    frozenset({"features"}),
    released={"scope": "batch", "pairing": "permute"},
)
