"""SaliencyMix: a CutMix box around the most salient pixel of the partner.

Uddin et al., "SaliencyMix: A Saliency Guided Data Augmentation Strategy for Better Regularization",
ICLR 2021, section 3: the box of the partner is centered at the peak of its saliency map and pasted
at the same place.

As released, one box serves the batch, around the peak of its first partner's map; and that map is
computed from normalized floats read as bytes
(:func:`mixlib.saliency.fine_grained.fine_grained_of_floats`), whose correlation with the map of
the image is -0.02 (12 images): in effect CutMix at a random place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mixlib.core.arguments import Finite, Positive, checked
from mixlib.core.hyperparameters import alphas, normalized
from mixlib.core.lam import Beta, LamLaw
from mixlib.core.method import Method
from mixlib.core.mix import Boxes, Mix, pair
from mixlib.core.net import Net
from mixlib.core.policy import Pairing, PairPolicy, Policy, Scope
from mixlib.masks.clipped_boxes import clipped
from mixlib.saliency.fine_grained import bytes_of, fine_grained, fine_grained_of_floats, peak

Center = Literal["partner", "first"]
Pixels = Literal["bytes", "raw_floats"]


def box_around(
    center: Int[Tensor, "n 2"], lam: Float[Tensor, " n"], size: tuple[int, int]
) -> Boxes:
    """The released box: sides int(H sqrt(1 - lambda)), int(W sqrt(1 - lambda)), an odd one losing
    a pixel, cut at the border."""
    limit = torch.tensor(size, device=lam.device, dtype=lam.dtype)
    side = (limit * (1 - lam).sqrt()[:, None]).long()
    return clipped(center, side, size, "drop")


@dataclass(frozen=True)
class SalientBox(PairPolicy):
    """A box around a partner's salient peak.

    Args:
        lam: law of lambda.
        mean, std: the normalization that the images have gone through.
        scope: one lambda per "sample" or one for the "batch".
        pairing: see :func:`mixlib.core.policy.partners`.
        center: whose peak a box lies around: the sample's own "partner"'s, or the "first"
            sample's partner's, for the whole batch (released).
        pixels: of what saliency is computed: the images' "bytes", or the "raw_floats" of the
            normalized images read as bytes (released), see
            :func:`mixlib.saliency.fine_grained.fine_grained_of_floats`.

    Raises:
        ValueError: another value of the center or the pixels.
    """

    lam: LamLaw
    mean: tuple[float, ...]
    std: tuple[float, ...]
    scope: Scope = "sample"
    pairing: Pairing = "roll"
    center: Center = "partner"
    pixels: Pixels = "bytes"

    def __post_init__(self) -> None:
        if self.center not in ("partner", "first") or self.pixels not in ("bytes", "raw_floats"):
            raise ValueError(
                "SaliencyMix needs center partner|first and pixels bytes|raw_floats, got "
                f"{self.center!r}, {self.pixels!r}"
            )

    def draw(self, z: Tensor, y: Int[Tensor, " B"], net: Net | None, rng: torch.Generator) -> Mix:
        pairs = self.draw_pairs(len(z), rng).to(z.device)
        partner = pairs.partner if self.center == "partner" else pairs.partner[:1]
        center = self._peaks(z[partner])
        n = max(len(center), len(pairs.lam))
        lam, center = pairs.lam.expand(n), center.expand(n, 2)
        boxes = box_around(center, lam, (z.shape[-2], z.shape[-1]))
        return pair(pairs.partner, boxes, boxes.share_outside(), shift=pairs.shift)

    def _peaks(self, x: Float[Tensor, "n C H W"]) -> Int[Tensor, "n 2"]:
        """(row, column) of every image's salient peak."""
        if self.pixels == "raw_floats":
            return peak(fine_grained_of_floats(x.float()))
        return peak(fine_grained(bytes_of(x, self.mean, self.std)))


@checked
def saliencymix(
    alpha: Positive = 1.0,
    mean: Sequence[Finite] = (0.485, 0.456, 0.406),
    std: Sequence[Positive] = (0.229, 0.224, 0.225),
    scope: Scope = "sample",
    pairing: Pairing = "roll",
    center: Center = "partner",
    pixels: Pixels = "bytes",
) -> Policy:
    """SaliencyMix (Uddin et al., ICLR 2021): a box around the partner's salient peak.

    Released: one box per batch, at the peak of its first partner's map, which is computed from
    floats read as bytes and has nothing to do with the image; partners by permutation.

    Args:
        alpha: lambda ~ Beta(alpha, alpha).
        mean, std: the normalization that the images have gone through.
        scope: one lambda per "sample" or one for the "batch".
        pairing: see :func:`mixlib.core.policy.partners`.
        center: whose peak a box lies around, the "partner"'s or the "first" partner's of the batch.
        pixels: of what saliency is computed, "bytes" or "raw_floats", see :class:`SalientBox`.

    Example:
        >>> images, labels = torch.zeros(4, 3, 8, 8), torch.arange(4)
        >>> rng = torch.Generator().manual_seed(0)
        >>> mix = saliencymix().draw(images, labels, None, rng)
        >>> mix.mask.edges.shape  # a box for every sample
        torch.Size([4, 4])
    """
    return SalientBox(Beta(alpha), tuple(mean), tuple(std), scope, pairing, center, pixels)


ROW = Method(
    "saliencymix",
    "SaliencyMix",
    "saliencymix",
    "Uddin et al., SaliencyMix: A Saliency Guided Data Augmentation Strategy for Better "
    "Regularization, ICLR 2021, arXiv:2006.01791",
    2021,
    normalized(alphas(1.0, cifar=0.2, large=1.0, fine=0.2)),
    released={
        "center": "first",
        "pixels": "raw_floats",
        "scope": "batch",
        "pairing": "permute",
    },
    revision=2,
)
