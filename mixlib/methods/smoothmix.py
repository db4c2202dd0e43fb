"""SmoothMix: a wide bell of the partner anywhere on the image.

Lee et al., "SmoothMix: a Simple Yet Effective Data Augmentation to Train Robust Classifiers", CVPR
Workshops 2020: the bell's width is uniform on a quarter to half of the image, its center uniform;
the label follows the mask's mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mixlib.core.arguments import checked
from mixlib.core.lam import Fixed
from mixlib.core.mask import Laws, MaskLaw
from mixlib.core.method import Method
from mixlib.core.policy import ByLaw, Pairing, Policy, Scope
from mixlib.masks.clipped_boxes import centers


def gauss(
    center: Float[Tensor, "n 2"], sigma: Float[Tensor, " n"], size: tuple[int, int]
) -> Float[Tensor, "n h w"]:
    """exp(-d^2 / (2 sigma^2)) around (row, column), all in pixels; centers need not be whole."""
    falls = [
        (-(torch.arange(n).to(center) - center[:, axis, None]).square() / (2 * sigma[:, None] ** 2))
        for axis, n in enumerate(size)
    ]
    return falls[0].exp()[:, :, None] * falls[1].exp()[:, None, :]


@dataclass(frozen=True)
class Smooth(MaskLaw):
    """SmoothMix: a bell of the partner.  The drawn lambda has no influence, the label is the mask's
    mean.

    Args:
        narrow, wide: limits of the bell's standard deviation, as a share of sqrt(H W).
    """

    narrow: float = 0.25
    wide: float = 0.5
    follows_lambda = False

    def draw(
        self, lam: Float[Tensor, " n"], size: tuple[int, int], rng: torch.Generator
    ) -> Float[Tensor, "n h w"]:
        # centers half a pixel off, uniform over the image, as in the public implementations
        low = torch.tensor([(length - 1) / 2 - length // 2 for length in size])
        center = centers(len(lam), size, rng).to(lam) + low.to(lam)
        unit = torch.rand(len(lam), generator=rng, device=rng.device, dtype=lam.dtype)
        sigma = (self.narrow + (self.wide - self.narrow) * unit) * (size[0] * size[1]) ** 0.5
        return 1 - gauss(center, sigma, size)


@checked
def smoothmix(scope: Scope = "sample", pairing: Pairing = "roll") -> Policy:
    """SmoothMix (Lee et al., CVPR Workshops 2020): a wide bell of the partner.

    Released: one bell per batch, partners by permutation.  OpenMixup also exchanges the two label
    weights; that is not reproduced.

    Args:
        scope: one bell per "sample" or one for the "batch".
        pairing: see :func:`mixlib.core.policy.partners`.

    Example:
        >>> images, labels = torch.zeros(4, 3, 8, 8), torch.arange(4)
        >>> rng = torch.Generator().manual_seed(0)
        >>> mix = smoothmix().draw(images, labels, None, rng)
        >>> mix.mask.shape
        torch.Size([4, 2, 8, 8])
    """
    return ByLaw(Smooth(), Fixed(0.5), scope, pairing)


LAWS: Laws = {"smoothmix": lambda size: Smooth()}

ROW = Method(
    "smoothmix",
    "SmoothMix",
    "smoothmix",
    "Lee et al., SmoothMix: a Simple Yet Effective Data Augmentation to Train Robust "
    "Classifiers, CVPR Workshops 2020, ieeexplore.ieee.org/document/9151008",
    2020,
    released={"scope": "batch", "pairing": "permute"},
)
