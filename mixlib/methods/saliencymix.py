"""SaliencyMix: a CutMix box around the most salient pixel of the partner.

Uddin et al., "SaliencyMix: A Saliency Guided Data Augmentation Strategy for Better Regularization",
ICLR 2021, section 3: the box of the partner is centered at the peak of its saliency map and pasted
at the same place.

As released, one box serves the batch, around the peak of its first partner's map; and that map is
computed from normalized floats read as bytes
(:func:`mixlib.saliency.fine_grained.fine_grained_of_floats`), whose correlation with the map of the image
is -0.02 (12 images): in effect CutMix at a random place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mixlib.core.hyperparameters import alphas, normalized
from mixlib.core.lam import Beta, LamLaw
from mixlib.core.method import Method
from mixlib.core.mix import Boxes, Mix, pair
from mixlib.core.net import Net
from mixlib.core.policy import Pairing, Policy, Scope, partners
from mixlib.masks.clipped_boxes import clipped
from mixlib.saliency.fine_grained import bytes_of, fine_grained, fine_grained_of_floats, peak


def box_around(
    center: Int[Tensor, "n 2"], lam: Float[Tensor, " n"], size: tuple[int, int]
) -> Boxes:
    """The released box: sides int(H sqrt(1 - lambda)), int(W sqrt(1 - lambda)), an odd one losing
    a pixel, cut at the border."""
    limit = torch.tensor(size, device=lam.device, dtype=lam.dtype)
    side = (limit * (1 - lam).sqrt()[:, None]).long()
    return clipped(center, side, size, "drop")


@dataclass(frozen=True)
class SalientBox(Policy):
    """SaliencyMix as defined: every sample its own lambda, map and box.

    Args:
        lam: law of lambda.
        mean, std: the normalization that the images have gone through.
        scope: one lambda per "sample" or one for the "batch"; boxes are per sample in any case.
        pairing: see :func:`mixlib.core.policy.partners`.
    """

    lam: LamLaw
    mean: tuple[float, ...]
    std: tuple[float, ...]
    scope: Scope = "sample"
    pairing: Pairing = "roll"

    def draw(self, z: Tensor, y: Int[Tensor, " B"], net: Net | None, rng: torch.Generator) -> Mix:
        batch, size = len(z), (z.shape[-2], z.shape[-1])
        partner, shift = partners(batch, self.pairing, rng)
        lam = self.lam.sample(batch if self.scope == "sample" else 1, rng).expand(batch)
        partner, lam = (t.to(z.device, non_blocking=True) for t in (partner, lam))
        center = peak(fine_grained(bytes_of(z, self.mean, self.std)))[partner]
        boxes = box_around(center, lam, size)
        return pair(partner, boxes, boxes.share_outside(), shift=shift)


@dataclass(frozen=True)
class ReleasedBox(Policy):
    """SaliencyMix as released: one box per batch, where bytes of floats have their peak."""

    lam: LamLaw

    def draw(self, z: Tensor, y: Int[Tensor, " B"], net: Net | None, rng: torch.Generator) -> Mix:
        partner, shift = partners(len(z), "permute", rng)
        partner, lam = (t.to(z.device) for t in (partner, self.lam.sample(1, rng)))
        center = peak(fine_grained_of_floats(z[partner[:1]].float()))
        boxes = box_around(center, lam, (z.shape[-2], z.shape[-1]))
        return pair(partner, boxes, boxes.share_outside(), shift=shift)


def saliencymix(
    alpha: float = 1.0,
    mean: Sequence[float] = (0.485, 0.456, 0.406),
    std: Sequence[float] = (0.229, 0.224, 0.225),
    scope: Scope = "sample",
    pairing: Pairing = "roll",
    released: bool = False,
) -> Policy:
    """SaliencyMix (Uddin et al., ICLR 2021).

    ``released=True``: one box per batch, at the peak of its first partner's map, which is computed
    from floats read as bytes and has nothing to do with the image; partners by permutation.
    """
    if released:
        return ReleasedBox(Beta(alpha))
    return SalientBox(Beta(alpha), tuple(mean), tuple(std), scope, pairing)


ROW = Method(
    "saliencymix",
    "SaliencyMix",
    "saliencymix",
    "Uddin et al., SaliencyMix: A Saliency Guided Data Augmentation Strategy for Better "
    "Regularization, ICLR 2021, arXiv:2006.01791",
    2021,
    normalized(alphas(1.0, cifar=0.2, large=1.0, fine=0.2)),
    revision=2,
)
