"""Co-Mixup: a batch mixed jointly, salient cells of several images in every output.

Kim et al., "Co-Mixup: Saliency Guided Joint Mixup with Supermodular Diversity", ICLR 2021, eq. (3)
and algorithm 1: the batch is cut into parts of 20; every part's outputs are labeled cell by cell
with input images, so that salient cells appear (unary), neighbors agree (submodular) and outputs
differ from each other (supermodular, linearized around the other outputs and switched on above a
threshold).  Outputs are solved one after the other, several sweeps; later sweeps allow half-and-
half cells between the images that an output already shows.

The reference solves each output by an alpha-beta swap on the CPU, part by part, and takes the last
of 4 sweeps; here all parts of a batch are solved side by side on their device, and the best sweep
counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from mixlib.core.arguments import Count, NotNegative, Positive, Share, checked
from mixlib.core.mix import Mix
from mixlib.core.net import Net
from mixlib.core.policy import Policy
from mixlib.methods.comixup.potts import descend, potts_energy
from mixlib.methods.puzzlemix.policy import divisor
from mixlib.saliency.gradient import gradient_saliency, shares

HALF_COST = 0.25  # of a half-and-half cell next to one of its two images
HALF_BONUS = 5e-4  # by which a half-and-half cell is preferred
PAIRS = ((0, 1), (0, 2), (1, 2))


@dataclass(frozen=True)
class CoWeights:
    """Weights of the objective, before division by the number of cells.

    Args:
        beta: smoothness.
        gamma: diversity.
        eta: weight of the Dirichlet prior.
        alpha: of that Dirichlet.
        threshold: share of the cells that an image may fill among the other outputs for nothing.
        omega: share of the distance between salient peaks in the compatibility.
    """

    beta: float = 0.32
    gamma: float = 1.0
    eta: float = 0.05
    alpha: float = 2.0
    threshold: float = 0.83
    omega: float = 0.001


def compatibility(
    saliency: Float[Tensor, "P n H W"], omega: float, grid: int = 8
) -> Float[Tensor, "P n n"]:
    """(1 - omega) I + omega D: D the L1 distances between salient peaks, of mean 1 / n."""
    height, width = saliency.shape[-2:]
    size = (min(grid, height), min(grid, width))
    coarse = F.adaptive_avg_pool2d(saliency, size).flatten(2)
    peak = coarse.argmax(2)
    place = torch.stack([peak // size[1], peak % size[1]], 2).to(saliency.dtype)
    distance = torch.cdist(place, place, p=1)
    n = saliency.shape[1]
    total = distance.sum((1, 2), keepdim=True).clamp(min=1e-12)
    return (1 - omega) * torch.eye(n, device=saliency.device) + omega * n * distance / total


def objective(
    cost: Float[Tensor, "P n h w"], mask: Float[Tensor, "P o h w n"], weights: CoWeights
) -> Float[Tensor, " P"]:
    """The thresholded objective of given masks, as the reference reports it (without A)."""
    cells = mask.shape[2] * mask.shape[3]
    counts = mask.sum((2, 3))
    smooth = mask.diff(dim=2).square().sum((1, 2, 3, 4)) + mask.diff(dim=3).square().sum(
        (1, 2, 3, 4)
    )
    others = counts.sum(1, keepdim=True) - counts
    over = torch.where(others > weights.threshold * cells, others, 0)
    unary = torch.einsum("pnhw,pohwn->p", cost, mask)
    diverse = weights.gamma / cells * (over * counts).sum((1, 2))
    return unary + weights.beta / cells / 2 * smooth + diverse


def assign(
    cost: Float[Tensor, "P n h w"],
    compatible: Float[Tensor, "P n n"],
    start: Int[Tensor, "P o h w"],
    weights: CoWeights,
    sweeps: int = 6,
) -> Float[Tensor, "P o h w n"]:
    """Masks of every output over its part's images.

    Args:
        cost: unary cost of showing an image's cell, prior included.
        compatible: between images.
        start: first labels.
        weights: of the objective.
        sweeps: over all outputs.
    """
    parts, n, h, w = cost.shape
    cells = h * w
    beta, gamma = weights.beta / cells, weights.gamma / cells
    masks = F.one_hot(start, n).to(cost.dtype)
    unary = cost.permute(0, 2, 3, 1)
    extra = torch.zeros(parts, masks.shape[1], n, device=cost.device, dtype=cost.dtype)
    # the linearized steps may raise the thresholded objective: the best sweep counts
    best, least = masks, torch.full((parts,), torch.inf, device=cost.device, dtype=cost.dtype)
    for sweep in range(sweeps):
        total = masks.sum((1, 2, 3))
        for i in range(masks.shape[1]):
            counts = masks[:, i].sum((1, 2))
            total = total - counts
            shown = torch.einsum("pnm,pm->pn", compatible, total)
            penalty = torch.where(shown > weights.threshold * cells, 2 * gamma * shown, 0)
            now = unary + (penalty + gamma * extra[:, i])[:, None, None]
            masks[:, i] = _solve(now, counts, beta, halves=sweep > 0)
            total = total + masks[:, i].sum((1, 2))
        value = objective(cost, masks, weights)
        better = value < least
        least = torch.where(better, value, least)
        best = torch.where(better[:, None, None, None, None], masks, best)
        if sweep == sweeps - 2:
            extra = _apart(masks.sum((2, 3)) > 0).to(cost.dtype)
    return best


def _solve(
    unary: Float[Tensor, "P h w n"], counts: Float[Tensor, "P n"], beta: float, halves: bool
) -> Float[Tensor, "P h w n"]:
    """One output's mask of every part.

    ``counts``: cells that its images have now; half-and-half cells are between the three that have
    most (two if there are only two).
    """
    n = unary.shape[-1]
    parents, allowed = _parents(counts)
    pair = beta * (1 - torch.eye(n + len(PAIRS), device=unary.device, dtype=unary.dtype))
    pair = pair.repeat(len(unary), 1, 1)
    content = torch.eye(n, device=unary.device, dtype=unary.dtype).repeat(len(unary), 1, 1)
    if halves:
        half = F.one_hot(parents, n).to(unary.dtype).sum(2) / 2  # [P, 3, n]
        mixed_cost = torch.where(half > 0, HALF_COST, 1.0) * beta
        pair[:, n:, :n], pair[:, :n, n:] = mixed_cost, mixed_cost.mT
        cost = torch.einsum("phwn,pkn->phwk", unary, half) - HALF_BONUS
        cost = cost.masked_fill(~allowed[:, None, None], 1e4)
        unary, content = torch.cat([unary, cost], -1), torch.cat([content, half], 1)
    else:
        pair = pair[:, :n, :n]
    # two beginnings, solved side by side: what every cell would like by itself, one image for all
    plain = unary.argmin(-1)
    single = unary.sum((1, 2)).argmin(1)[:, None, None].expand_as(plain)
    twice = (unary.repeat(2, 1, 1, 1), pair.repeat(2, 1, 1))
    labels = descend(*twice, torch.cat([plain, single]), rounds=2)
    energy = potts_energy(*twice, labels).view(2, -1)
    first = (energy[0] <= energy[1])[:, None, None]
    problem = torch.arange(len(unary), device=unary.device)[:, None, None]
    return content[problem, torch.where(first, *labels.chunk(2))]


def _parents(counts: Float[Tensor, "P n"]) -> tuple[Int[Tensor, "P 3 2"], Bool[Tensor, "P 3"]]:
    """Pairs of the most shown images, and which of them may be used."""
    k = min(3, counts.shape[1])
    top = counts.topk(k, 1)
    most = F.pad(top.indices, (0, 3 - k), value=0)
    several = (counts > 0).sum(1)
    pairs = torch.stack([most[:, list(pair)] for pair in PAIRS], 1)
    first, rest = several >= 2, several >= 3
    return pairs, torch.stack([first, rest, rest], 1)


def _apart(used: Bool[Tensor, "P o n"]) -> Bool[Tensor, "P o n"]:
    """Of outputs with the same images, all but the last are to avoid their first image, and all but
    the first their second."""
    same = (used[:, :, None] == used[:, None]).all(-1) & (used.sum(-1) > 1)[:, :, None]
    later, earlier = same.triu(1).any(2), same.tril(-1).any(2)
    rank = used.cumsum(-1) * used
    return ((rank == 1) & later[..., None]) | ((rank == 2) & earlier[..., None])


@dataclass(frozen=True)
class CoMix(Policy):
    """Co-Mixup.

    Args:
        weights: of the objective.
        block: cells per side, or the next smaller divisor of the image's.
        part: images that are mixed among each other.
        sweeps: over all outputs of a part.
    """

    needs = frozenset({"input_grad"})

    weights: CoWeights = CoWeights()
    block: int = 4
    part: int = 20
    sweeps: int = 6

    def draw(self, z: Tensor, y: Int[Tensor, " B"], net: Net | None, rng: torch.Generator) -> Mix:
        if net is None:
            raise ValueError("Co-Mixup reads the input gradient: it needs the net in training")
        return self.arrange(z, gradient_saliency(net, z, y), rng)

    def arrange(
        self, z: Float[Tensor, "B C H W"], saliency: Float[Tensor, "B H W"], rng: torch.Generator
    ) -> Mix:
        """The mix for a given saliency (any scale)."""
        batch, (height, width) = len(z), z.shape[-2:]
        grid = (divisor(height, self.block), divisor(width, self.block))
        share = shares(saliency, grid)
        whole = batch - batch % self.part
        found = [(0, self.part, whole // self.part)] if whole else []
        found += [(whole, batch - whole, 1)] if whole < batch else []
        masks, sources = [], []
        for first, n, parts in found:
            members = slice(first, first + n * parts)
            concentration = torch.full((parts, n), float(self.weights.alpha), device=rng.device)
            prior = torch._sample_dirichlet(concentration, generator=rng).to(z.device)
            start = torch.randint(n, (parts, n, *grid), generator=rng, device=rng.device)
            cost = prior_cost(share[members].unflatten(0, (parts, n)), prior, self.weights)
            near = compatibility(saliency[members].unflatten(0, (parts, n)), self.weights.omega)
            mask = assign(cost, near, start.to(z.device), self.weights, self.sweeps)
            offset = first + n * torch.arange(parts, device=z.device)
            shown, which = few(mask.flatten(0, 1))
            sources.append(which + offset.repeat_interleave(n)[:, None])
            masks.append(shown)
        return _joined(masks, sources, (height, width))


def prior_cost(
    share: Float[Tensor, "P n h w"], prior: Float[Tensor, "P n"], weights: CoWeights
) -> Float[Tensor, "P n h w"]:
    """Unary cost: minus the saliency, minus eta log of the Dirichlet weights."""
    cells = share.shape[2] * share.shape[3]
    return -share - weights.eta / cells * (prior + 1e-8).log()[..., None, None]


def few(mask: Float[Tensor, "B h w n"]) -> tuple[Float[Tensor, "B K h w"], Int[Tensor, "B K"]]:
    """The images that an output shows: blending costs K passes.

    First the image of the output's own number (a mix' source 0), shown or not; then the others by
    what they fill, as many as the busiest output has.
    """
    batch, n = mask.shape[0], mask.shape[-1]
    own = torch.arange(batch, device=mask.device)[:, None] % n
    counts = mask.sum((1, 2)).scatter(1, own, -1.0)
    most = int((counts > 0).sum(1).max())
    which = torch.cat([own, counts.topk(most, 1).indices], 1)
    index = which[:, :, None, None].expand(-1, -1, *mask.shape[1:3])
    return mask.permute(0, 3, 1, 2).gather(1, index), which


def _joined(masks: list[Tensor], sources: list[Tensor], size: tuple[int, int]) -> Mix:
    """Parts of different K as one mix at full size."""
    most = max(mask.shape[1] for mask in masks)
    mask = torch.cat([F.pad(m, (0, 0, 0, 0, 0, most - m.shape[1])) for m in masks])
    # a source without weight may be any sample: the output's own first one
    source = torch.cat([torch.cat([s, s[:, :1].expand(-1, most - s.shape[1])], 1) for s in sources])
    weight = mask.mean((2, 3))
    for axis, length in enumerate(size, 2):
        mask = mask.repeat_interleave(length // mask.shape[axis], axis)
    return Mix(source, weight, mask)


@checked
def comixup(
    beta: NotNegative = 0.32,
    gamma: NotNegative = 1.0,
    eta: NotNegative = 0.05,
    alpha: Positive = 2.0,
    threshold: Share = 0.83,
    omega: Share = 0.001,
    block: Count = 4,
    part: Count = 20,
    sweeps: Count = 6,
) -> Policy:
    """Co-Mixup (Kim et al., ICLR 2021); parameters are those of :class:`CoWeights` and
    :class:`CoMix`.  Its clean-loss regularizer is not part of the mix and not implemented.

    Example:
        >>> import timm
        >>> from mixlib.models.wrap import wrap
        >>> net = wrap(timm.create_model("resnet10t", num_classes=4))
        >>> images, labels = torch.zeros(4, 3, 32, 32), torch.arange(4)
        >>> rng = torch.Generator().manual_seed(0)
        >>> mix = comixup(part=4, sweeps=1).draw(images, labels, net, rng)
        >>> mix.mask.shape[0], mix.weight.shape[0]
        (4, 4)
    """
    weights = CoWeights(beta, gamma, eta, alpha, threshold, omega)
    return CoMix(weights, block, part, sweeps)
