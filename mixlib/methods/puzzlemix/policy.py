"""PuzzleMix: masks by saliency and smoothness, cells moved by optimal transport.

Kim et al., "Puzzle Mix: Exploiting Saliency and Local Statistics for Optimal Mixup", ICML 2020.
Eq. (4): the mask minimizes a labeling energy of saliency (unary), local statistics (pairwise) and
a binomial prior of mean lambda; eq. (6): both images' cells are transported so that the mask shows
what is salient.  Label weights are the realized mean of the mask.

Constants and their scaling with the grid are those of the release (snu-mllab/PuzzleMix e2dbf3a);
its clean-loss regularizer (``clean_lam``, 0 on CIFAR and in OpenMixup) is not part of the mix and
not implemented.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Annotated, Literal

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor
from torch.nn import functional as F

from mixlib.core.arguments import Count, Natural, NotNegative, Positive, Range, Share, checked
from mixlib.core.finite import flat_if_broken
from mixlib.core.lam import Beta, LamLaw
from mixlib.core.mix import Mix, Move, pair
from mixlib.core.net import Net
from mixlib.core.normalization import per_channel
from mixlib.core.policy import Pairing, PairPolicy, Policy, Scope
from mixlib.methods.puzzlemix.labeling import Costs, least_energy
from mixlib.methods.puzzlemix.labeling.solve import FRONTIER
from mixlib.methods.puzzlemix.transport import MOVE_COST, moved, transport_plan
from mixlib.saliency.gradient import gradient_saliency, shares

Bidding = Literal["until_stable", "grid_rows"]


@dataclass(frozen=True)
class Weights:
    """Weights of the energy, in the release's units.

    Args:
        beta: smoothness of the mask; divided by 16 and by the grid's side.
        gamma: share of it that looks at the image content, at most 1.
        eta: weight of the prior; divided by the number of cells.
        neighbor: pixels over which the content is averaged on either side of a border; CIFAR 4,
            ImageNet 2.
        levels: number of labels, mask values 0 .. 1 in equal steps.
    """

    beta: float = 1.2
    gamma: float = 0.5
    eta: float = 0.2
    neighbor: int = 4
    levels: int = 3

    def __post_init__(self) -> None:
        if not (self.beta >= 0 and 0 <= self.gamma <= 1 and self.eta >= 0 and self.levels >= 2):
            raise ValueError(
                "PuzzleMix needs beta >= 0, 0 <= gamma <= 1, eta >= 0 and at least 2 levels "
                f"(else the energy has no cheap minimum), got {self}"
            )


def divisor(length: int, most: int) -> int:
    """The greatest divisor of ``length`` that is at most ``most``: cells must be of equal size."""
    return next(d for d in range(min(length, max(most, 1)), 0, -1) if length % d == 0)


def labeling_costs(
    x: Float[Tensor, "B C H W"],
    std: Float[Tensor, "C 1 1"],
    saliency: Float[Tensor, "B H W"],
    partner: Int[Tensor, " B"],
    lam: Float[Tensor, " B"],
    grid: tuple[int, int],
    weights: Weights,
) -> Costs:
    """The labeling problem of every pair; label 0 keeps the own image, the last the partner's.

    Args:
        x: images.
        std: what their channels were divided by; seams are differences, so no mean is needed.
        saliency: any positive scale.
        partner: int64 [B].
        lam: nominal share of the own image.
        grid: (h, w), divisors of H and W.
        weights: of the energy.
    """
    own = shares(saliency, grid)
    cells = grid[0] * grid[1]
    beta = weights.beta / 16 / cells**0.5
    keep, give = own[partner], own  # choosing one image loses the other's saliency
    block = [length // n for length, n in zip(x.shape[-2:], grid, strict=True)]
    strip = [divisor(length, weights.neighbor) for length in block]
    pooled = flat_if_broken(F.avg_pool2d(x, strip).float() * std)
    edges = []
    for axis in (1, 2):
        aa, ab, ba, bb = (
            beta * weights.gamma * seam for seam in _seams(pooled, partner, grid, axis)
        )
        edges.append((ab + ba - aa - bb) / 2 + beta)
        before, after = [0, 0, 0, 0], [0, 0, 0, 0]
        before[2 * (2 - axis) + 1] = after[2 * (2 - axis)] = 1
        keep = keep + F.pad((ab + aa) / 2, before) + F.pad((ba + aa) / 2, after)
        give = give + F.pad((ba + bb) / 2, before) + F.pad((ab + bb) / 2, after)
    level = torch.arange(weights.levels, device=own.device, dtype=own.dtype) / (weights.levels - 1)
    prior = weights.eta / cells * binomial_cost(lam.to(own.dtype), weights.levels)
    unary = keep[..., None] * (1 - level) + give[..., None] * level + prior[:, None, None]
    return Costs(unary, edges[0], edges[1])


def binomial_cost(lam: Float[Tensor, " B"], levels: int) -> Float[Tensor, "B n"]:
    """-log P(label) where the partner's share, label / (n - 1), is binomial with mean 1 - lambda.

    1e-8 inside the logarithm, as released: lambda of 0 or 1 leaves no label impossible.
    """
    trials = levels - 1
    k = torch.arange(levels, device=lam.device, dtype=lam.dtype)
    total = torch.tensor(trials + 1.0, device=lam.device, dtype=lam.dtype)
    ways = (total.lgamma() - (k + 1).lgamma() - (trials - k + 1).lgamma()).exp().round()
    odds = ways * lam[:, None] ** (trials - k) * (1 - lam[:, None]) ** k
    return -(odds + 1e-8).log()


def _seams(
    pooled: Float[Tensor, "B C Hp Wp"],
    partner: Int[Tensor, " B"],
    grid: tuple[int, int],
    axis: int,
) -> list[Tensor]:
    """How well the content on both sides of every cell border fits, for own/own, own/partner,
    partner/own and partner/partner: mean absolute difference along the border.

    ``axis`` 1: borders between a cell and the one below, [B, h - 1, w]; 2: to the right.
    """
    per = pooled.shape[axis + 1] // grid[axis - 1]  # pooled pixels per cell across the border
    count = grid[axis - 1] - 1
    cells = pooled.unfold(axis + 1, per, per)
    last = cells.select(-1, per - 1).narrow(axis + 1, 0, count)
    first = cells.select(-1, 0).narrow(axis + 1, 1, count)
    size = (count, grid[1]) if axis == 1 else (grid[0], count)
    return [
        F.adaptive_avg_pool2d((a - b).abs().mean(1), size)
        if count
        else last.new_zeros(len(pooled), *size)
        for a in (last, last[partner])
        for b in (first, first[partner])
    ]


def label_mask(labels: Int[Tensor, "B h w"], levels: int) -> Float[Tensor, "B h w"]:
    """Weight of the own image in every cell."""
    return 1 - labels / (levels - 1)


def transport(
    x: Float[Tensor, "B C H W"],
    saliency: Float[Tensor, "B H W"],
    partner: Int[Tensor, " B"],
    mask: Float[Tensor, "B h w"],
    cell: int | None,
    move_cost: float = MOVE_COST,
    bidding: Bidding = "until_stable",
) -> tuple[Move, Move]:
    """How the cells of own and partner images move to where the mask shows them.

    Args:
        x: the batch, in any normalization.
        saliency: any positive scale.
        partner: int64 [B].
        mask: weight of the own image per cell.
        cell: pixels per side of a transported cell, at most the mask's; None: the mask's.
        move_cost: t_eps.
        bidding: "until_stable" as in Algorithm 1, or "grid_rows": as many rounds as the grid has
            rows, as released.
    """
    block = [length // n for length, n in zip(x.shape[-2:], mask.shape[1:], strict=True)]
    side = [length if cell is None else divisor(length, cell) for length in block]
    grid = (x.shape[2] // side[0], x.shape[3] // side[1])
    fine = mask.repeat_interleave(grid[0] // mask.shape[1], 1)
    fine = fine.repeat_interleave(grid[1] // mask.shape[2], 2)
    share = shares(saliency, grid)
    shown = torch.cat([fine > 0, fine < 1])
    both = torch.cat([share, share[partner]])
    plan = transport_plan(both, shown, move_cost, grid[0] if bidding == "grid_rows" else None)
    own, other = plan.chunk(2)
    return Rearranged(own), Rearranged(other, partner)


@dataclass(frozen=True)
class Rearranged(Move):
    """The cells of every image, or of its partner's, in another order.

    Attributes:
        plan: cell t shows what cell plan[t] held.
        partner: int64 [B]; None: the image's own.

    Example:
        >>> swap = Rearranged(torch.tensor([[[1, 0]]]))
        >>> swap(torch.tensor([[[[5.0, 6.0]]]])).tolist()
        [[[[6.0, 5.0]]]]
    """

    plan: Int[Tensor, "B h w"]
    partner: Int[Tensor, " B"] | None = None

    def __call__(self, maps: Shaped[Tensor, "B C H W"]) -> Shaped[Tensor, "B C H W"]:
        return moved(maps if self.partner is None else maps[self.partner], self.plan)


@dataclass(frozen=True)
class Puzzle(PairPolicy):
    """PuzzleMix.

    Args:
        lam: law of lambda, the prior's mean share of the own image.
        std: what the images' channels were divided by; seams are compared in [0, 1].
        blocks: sides of the mask's grid, one drawn per batch; on sides of the image that it does
            not divide, the next smaller divisor.
        weights: of the energy.
        cell: pixels per side of the transported cells (CIFAR 4), None for the mask's own; 0 for no
            transport.
        move_cost: t_eps of the transport.
        tolerance: proven relative distance of every labeling to the minimum.
        scope: one lambda per "sample" or one for the "batch".
        pairing: see :func:`mixlib.core.policy.partners`.
        bidding: when the transport stops, see :func:`transport`.
    """

    needs = frozenset({"input_grad"})

    lam: LamLaw
    std: tuple[float, ...]
    blocks: tuple[int, ...] = (2, 4, 8, 16)
    weights: Weights = Weights()
    cell: int | None = 4
    move_cost: float = MOVE_COST
    tolerance: float = 1e-4
    scope: Scope = "sample"
    pairing: Pairing = "roll"
    bidding: Bidding = "until_stable"

    def __post_init__(self) -> None:
        if max(self.blocks) > FRONTIER and find_spec("scipy") is None:
            raise ImportError(
                f"PuzzleMix cuts grids of more than {FRONTIER} cells a side with scipy, which is "
                f"not installed: pip install scipy, or take blocks=(2, {FRONTIER})"
            )

    def draw(self, z: Tensor, y: Int[Tensor, " B"], net: Net | None, rng: torch.Generator) -> Mix:
        if net is None:
            raise ValueError("PuzzleMix reads the input gradient: it needs the net in training")
        return self.arrange(z, gradient_saliency(net, z, y), rng)

    def arrange(
        self, z: Float[Tensor, "B C H W"], saliency: Float[Tensor, "B H W"], rng: torch.Generator
    ) -> Mix:
        """The mix for a given saliency (any scale)."""
        pairs = self.draw_pairs(len(z), rng)
        which = int(torch.randint(len(self.blocks), (), generator=rng, device=rng.device))
        pairs = pairs.to(z.device)
        lam = pairs.lam_each.float()
        return self.solve(z, saliency, pairs.partner, lam, self.blocks[which], pairs.shift)

    def solve(
        self,
        z: Float[Tensor, "B C H W"],
        saliency: Float[Tensor, "B H W"],
        partner: Int[Tensor, " B"],
        lam: Float[Tensor, " B"],
        block: int,
        shift: int | None = None,
    ) -> Mix:
        """The mix for given draws: nothing here is random."""
        height, width = z.shape[-2:]
        grid = (divisor(height, block), divisor(width, block))
        std = per_channel(self.std, z.shape[1], z.device, "std")
        costs = labeling_costs(z, std, saliency, partner, lam, grid, self.weights)
        labels = least_energy(costs, self.tolerance)
        mask = label_mask(labels, self.weights.levels)
        own = mask.repeat_interleave(height // grid[0], 1).repeat_interleave(width // grid[1], 2)
        parts = moves = None
        if self.cell != 0:
            moves = transport(z, saliency, partner, mask, self.cell, self.move_cost, self.bidding)
            parts = (moves[0](z), moves[1](z))
        return pair(partner, own, mask.mean((1, 2)), shift=shift, parts=parts, moves=moves)


@checked
def puzzlemix(
    alpha: Positive = 1.0,
    std: Sequence[Positive] = (0.229, 0.224, 0.225),
    blocks: Sequence[Count] = (2, 4, 8, 16),
    beta: NotNegative = 1.2,
    gamma: Share = 0.5,
    eta: NotNegative = 0.2,
    neighbor: Count = 4,
    levels: Annotated[int, Range(low=2)] = 3,
    cell: Natural | None = 4,
    move_cost: Positive = MOVE_COST,
    tolerance: NotNegative = 1e-4,
    scope: Scope = "sample",
    pairing: Pairing = "roll",
    bidding: Bidding = "until_stable",
) -> Policy:
    """PuzzleMix (Kim et al., ICML 2020): saliency-guided cells by least energy, then transported.

    Released: one lambda per batch, partners by permutation, a fixed number of bidding rounds.  The
    labeling is optimal in either case: the release's integer overflow and missed minima are not
    reproduced.

    Args:
        alpha: lambda ~ Beta(alpha, alpha).
        std: what the channels of the images that reach the policy were divided by.
        blocks, cell, move_cost, tolerance, bidding: see :class:`Puzzle`.
        beta, gamma, eta, neighbor, levels: see :class:`Weights`.
        scope: one lambda per "sample" or one for the "batch".
        pairing: see :func:`mixlib.core.policy.partners`.

    Example:
        >>> import timm
        >>> from mixlib.models.wrap import wrap
        >>> net = wrap(timm.create_model("resnet10t", num_classes=4))
        >>> images, labels = torch.zeros(4, 3, 32, 32), torch.arange(4)
        >>> rng = torch.Generator().manual_seed(0)
        >>> mix = puzzlemix(blocks=(4,)).draw(images, labels, net, rng)
        >>> mix.mask.shape, mix.parts[0].shape
        (torch.Size([4, 2, 32, 32]), torch.Size([4, 3, 32, 32]))
    """
    return Puzzle(
        Beta(alpha),
        tuple(std),
        tuple(blocks),
        Weights(beta, gamma, eta, neighbor, levels),
        cell,
        move_cost,
        tolerance,
        scope,
        pairing,
        bidding,
    )
