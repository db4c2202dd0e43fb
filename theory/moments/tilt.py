"""Tilted measure of a mask law: the swap lemma that turns a mixed loss into the loss of one image
moved towards another.

Swap lemma (own proof; exact, with no assumption on E[M | lambda] and none on smoothness): a loss
affine in the label splits into w l(f(x~), y_i) + (1 - w) l(f(x~), y_j); exchanging i and j in the
second part turns M into its complement.  Hence
    L_MSDA = E_ij E~[l(f(x_i + u * (x_j - x_i)), y_i)],
    E~[phi(u)] = E[w phi(1 - M) + (1 - w) phi(M)].
The tilt is joint: with probability w keep M, else take the complement *mask*.  "lambda from a
tilted Beta, then the same masks" is right only where the law of 1 - M given lambda is the law of M
given 1 - lambda (Mixup, GMix, cells, FMix), and wrong for boxes: see :func:`one_sided`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from mixlib.core.lam import Beta, LamLaw
from mixlib.core.mask import MaskLaw
from mixlib.masks.clipped_boxes import clipped
from mixlib.methods.cutmix import Box
from mixlib.methods.gmix import GMix
from mixlib.methods.hmix import HMix
from mixlib.methods.mixup import Flat

from .exact import Moments, Share, exact_moments
from .gmix import gmix_panels
from .lam import nodes, parameters
from .monte_carlo import sample_labeled_masks
from .sides import sides_of, threshold


@dataclass(frozen=True)
class Atoms:
    """A law of (label share, mask) with finitely many atoms: exact, or an equally weighted sample.

    Attributes:
        prob: float64 [n], sums to one.
        share: float64 [n], label share w of the own image.
        own: float64 [n, h, w], the mask M.
    """

    prob: Float[Tensor, " n"]
    share: Float[Tensor, " n"]
    own: Float[Tensor, "n h w"]

    def tilted(self) -> tuple[Float[Tensor, " t"], Float[Tensor, "t h w"]]:
        """Weights and partner's shares u of the tilted measure, t = 2 n."""
        weight = torch.cat([self.prob * self.share, self.prob * (1 - self.share)])
        return weight, torch.cat([1 - self.own, self.own])

    def folded(self) -> Atoms:
        """The same losses with the own image always the larger label share: (w, M) and (1 - w, 1 -
        M) are one mixed pair seen from its two ends."""
        swap = self.share < 0.5
        own = torch.where(swap[:, None, None], 1 - self.own, self.own)
        return Atoms(self.prob, torch.where(swap, 1 - self.share, self.share), own)

    def moments(self) -> Moments:
        """Tilted moments by summing over the atoms."""
        weight, u = self.tilted()
        flat = u.flatten(1)
        return Moments((u.shape[1], u.shape[2]), weight @ flat, (flat * weight[:, None]).T @ flat)


@singledispatch
def atoms(law: MaskLaw, lam: LamLaw, size: tuple[int, int], order: int | None = None) -> Atoms:
    """All atoms of a discrete law, or quadrature nodes of a smooth one, on a small grid.

    Args:
        order: nodes per panel of the quadrature; by default enough for 1e-12.

    Raises:
        NotImplementedError: no enumeration is known; use :func:`sampled`.
    """
    raise NotImplementedError(f"no enumeration of {type(law).__name__}; use sampled")


def sampled(
    law: MaskLaw,
    lam: LamLaw,
    size: tuple[int, int],
    n: int,
    rng: torch.Generator,
    share: Share = "law",
) -> Atoms:
    """n equally weighted draws of the law."""
    own, weight = sample_labeled_masks(law, lam, size, n, rng, share)
    return Atoms(torch.full((n,), 1 / n, dtype=torch.float64), weight[:, 0], own)


def union(parts: list[Atoms], weights: list[float]) -> Atoms:
    """The mixture of several laws."""
    return Atoms(
        torch.cat([w * part.prob for part, w in zip(parts, weights, strict=True)]),
        torch.cat([part.share for part in parts]),
        torch.cat([part.own for part in parts]),
    )


def draw(
    law: MaskLaw, lam: LamLaw, size: tuple[int, int], n: int, rng: torch.Generator
) -> Float[Tensor, "n h w"]:
    """n draws of u from the tilted measure: the law's own masks, and one coin each."""
    own, weight = sample_labeled_masks(law, lam, size, n, rng, "law")
    keep = torch.rand(n, 1, 1, generator=rng, dtype=torch.float64) < weight[:, :, None]
    return torch.where(keep, 1 - own, own)


def _grid(lam: np.ndarray, weight: np.ndarray, size: tuple[int, int]) -> tuple[Tensor, ...]:
    """Every lambda with every uniform integer center: (prob, lambda, center)."""
    places = torch.cartesian_prod(*(torch.arange(n) for n in size)).view(-1, 2)
    count = len(places)
    prob = torch.from_numpy(weight).repeat_interleave(count) / count
    return prob, torch.from_numpy(lam).repeat_interleave(count), places.repeat(len(lam), 1)


@atoms.register
def _(law: Flat, lam: LamLaw, size: tuple[int, int], order: int | None = None) -> Atoms:
    # a node at 1/2 because folding has a kink there
    points, weights = (torch.from_numpy(x) for x in nodes(lam, np.array([0.5]), order or 40))
    return Atoms(weights, points, points[:, None, None].expand(-1, *size))


@atoms.register
def _(law: Box, lam: LamLaw, size: tuple[int, int], order: int | None = None) -> Atoms:
    if law.border != "clip":
        raise NotImplementedError("boxes on the torus are not enumerated; use sampled")
    found = []
    for sides, (m0, m1, _) in sides_of(size, lam, 1.0, law.odd):
        # the loss is affine in the label: within one interval of lambda its mean is enough
        prob, mean, center = _grid(np.array([m1 / m0]), np.array([m0]), size)
        boxes = clipped(center, torch.tensor([sides]).expand(len(center), 2), size, law.odd)
        share = boxes.share_outside() if law.label == "realized" else mean
        found.append(Atoms(prob, share, (~boxes.inside()).double()))
    return union(found, [1.0] * len(found))


@atoms.register
def _(law: HMix, lam: LamLaw, size: tuple[int, int], order: int | None = None) -> Atoms:
    if law.border != "clip":
        raise NotImplementedError("boxes on the torus are not enumerated; use sampled")
    reach = {(n, k) for n in size for k in range(1, n + 1) if k * k <= law.ratio * n * n}
    edges = np.array([0.5, *(threshold(k, n, law.ratio) for n, k in sorted(reach))])
    points, weights = nodes(lam, edges, order or 24)
    prob, lams, center = _grid(points, weights, size)
    return Atoms(prob, lams, law.mask(lams, center, size))


@atoms.register
def _(law: GMix, lam: LamLaw, size: tuple[int, int], order: int | None = None) -> Atoms:
    points, weights = nodes(lam, gmix_panels(size[0] * size[1]), order or 16)
    prob, lams, center = _grid(points, weights, size)
    own = law.mask(lams, center, size)
    return Atoms(prob, own.mean(dim=(1, 2)), own)


def tilted_beta(lam: Beta) -> list[tuple[float, Beta]]:
    """The marginal of the kept weight: a/(a+b) Beta(a+1, b) + b/(a+b) Beta(b+1, a)."""
    a, b = parameters(lam)
    return [(a / (a + b), Beta(a + 1, b)), (b / (a + b), Beta(b + 1, a))]


def one_sided(law: MaskLaw, lam: Beta, size: tuple[int, int]) -> Moments:
    """E[u u^T] under "lambda from the tilted Beta, then the same mask family": what the tilt
    becomes when the complement is forgotten.  Compare with
    :func:`theory.moments.exact.exact_moments`."""
    parts = [
        (weight, exact_moments(law, beta, size, share="own")) for weight, beta in tilted_beta(lam)
    ]
    weights = torch.tensor([weight for weight, _ in parts], dtype=torch.float64)
    first, second = torch.stack([m.a for _, m in parts]), torch.stack([m.A for _, m in parts])
    return Moments(size, weights @ first, torch.einsum("k,krs->rs", weights, second))
