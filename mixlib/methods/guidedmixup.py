"""GuidedMixup: at every pixel the share of each image's saliency, partners whose maps differ most.

Kang and Kim, "GuidedMixup: An Efficient Mixup Strategy Guided by Saliency Maps", AAAI 2023: with
blurred saliency maps s that sum to one,

    M_p = s_own(p) / (s_own(p) + s_partner(p)),

the label share is the mean of M, and a greedy tour visits every image once, always going on to the
one whose map is farthest.  Maps come from the input's gradient (the paper's Guided-AP) or from the
spectral residual (Guided-SR; Hou and Zhang, CVPR 2007), which needs no network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from mixlib.core.arguments import Positive, checked
from mixlib.core.finite import even_if_broken
from mixlib.core.hyperparameters import same
from mixlib.core.method import Method
from mixlib.core.mix import Mix, pair
from mixlib.core.net import Net
from mixlib.core.policy import Policy
from mixlib.saliency.gradient import gradient_saliency

Saliency = Literal["spectral", "gradient"]
LARGEST = 128  # pixels; larger images are looked at in this size


def spectral_residual(x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B H W"]:
    """What a Fourier spectrum has over its local mean, back among the pixels (magnitude).

    The image is gray, the mean of its channels, and at most 128 pixels wide and high.

    Example:
        >>> spectral_residual(torch.rand(2, 3, 8, 8)).shape
        torch.Size([2, 8, 8])
    """
    gray = x.float().mean(1, keepdim=True)
    size = (min(x.shape[-2], LARGEST), min(x.shape[-1], LARGEST))
    if size != tuple(x.shape[-2:]):
        gray = F.interpolate(gray, size, mode="bilinear", antialias=True)
    spectrum = torch.fft.fft2(gray)
    log = spectrum.abs().clamp(min=1e-5).log()
    around = F.avg_pool2d(F.pad(log, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    phase = spectrum / spectrum.abs().clamp(min=1e-5)
    found = torch.fft.ifft2(phase * (log - around).exp()).abs()
    if size != tuple(x.shape[-2:]):
        found = F.interpolate(found, x.shape[-2:], mode="bilinear")
    return found[:, 0]


def blurred_shares(maps: Float[Tensor, "B H W"], sigma: float = 3.0) -> Float[Tensor, "B H W"]:
    """Maps under a Gaussian of 7 x 7 pixels (fewer in smaller images), as shares that sum to one.

    Example:
        >>> round(float(blurred_shares(torch.rand(1, 8, 8)).sum()), 4)
        1.0
    """
    maps = even_if_broken(maps)
    reach = min(3, (min(maps.shape[-2:]) - 1) // 2)
    place = torch.arange(-reach, reach + 1, device=maps.device, dtype=maps.dtype)
    bell = (-(place**2) / (2 * sigma**2)).exp()
    bell = bell / bell.sum()
    padded = F.pad(maps[:, None], (reach,) * 4, mode="reflect") if reach else maps[:, None]
    smooth = F.conv2d(F.conv2d(padded, bell[None, None, :, None]), bell[None, None, None])[:, 0]
    # no pixel counts for nothing: two such would have no share between them
    smooth = smooth + 1e-6 * smooth.mean((1, 2), keepdim=True) + 1e-12
    return smooth / smooth.sum((1, 2), keepdim=True)


def farthest_tour(distance: Float[Tensor, "B B"]) -> Int[Tensor, " B"]:
    """The partner of every sample on a greedy tour: from the two that are farthest apart on to the
    farthest that was not visited yet, and back from the last to the first.

    Example:
        >>> apart = torch.tensor([[0.0, 1.0, 5.0], [1.0, 0.0, 2.0], [5.0, 2.0, 0.0]])
        >>> farthest_tour(apart).tolist()  # 0 to 2, 2 to 1, 1 to 0
        [2, 0, 1]
    """
    count = len(distance)
    left = distance.detach().double().cpu().clone()
    left.fill_diagonal_(-torch.inf)
    partner = torch.zeros(count, dtype=torch.int64)
    here = first = int(left.argmax()) // count
    for _ in range(count - 1):
        left[:, here] = -torch.inf
        onward = int(left[here].argmax())
        partner[here], here = onward, onward
    partner[here] = first
    return partner.to(distance.device)


@dataclass(frozen=True)
class Guided(Policy):
    """GuidedMixup; nothing in it is drawn but what its network draws.

    Args:
        saliency: "spectral", or "gradient" of the network in training.
        sigma: width of the blur in pixels.
    """

    saliency: Saliency = "spectral"
    sigma: float = 3.0

    @property
    def needs(self) -> frozenset[str]:  # type: ignore[override]
        return frozenset({"input_grad"} if self.saliency == "gradient" else ())

    def draw(self, z: Tensor, y: Int[Tensor, " B"], net: Net | None, rng: torch.Generator) -> Mix:
        if self.saliency == "gradient":
            if net is None:
                raise ValueError('GuidedMixup with saliency="gradient" needs the net in training')
            maps = gradient_saliency(net, z, y)
        else:
            maps = spectral_residual(z)
        shares = blurred_shares(maps, self.sigma)
        return guided(shares, farthest_tour(torch.cdist(shares.flatten(1), shares.flatten(1))))


def guided(shares: Float[Tensor, "B H W"], partner: Int[Tensor, " B"]) -> Mix:
    """The mix for given maps and partners."""
    own = shares / (shares + shares[partner])
    return pair(partner, own, own.mean((1, 2)))


@checked
def guidedmixup(saliency: Saliency = "spectral", sigma: Positive = 3.0) -> Policy:
    """GuidedMixup (Kang and Kim, AAAI 2023): masks by saliency, partners by its difference.

    Args:
        saliency: "spectral" (Guided-SR) or "gradient" (Guided-AP; give it the network, ``net=``).
        sigma: width of the blur in pixels.

    Example:
        >>> rng = torch.Generator().manual_seed(0)
        >>> mix = guidedmixup().draw(torch.rand(4, 3, 8, 8), torch.arange(4), None, rng)
        >>> mix.mask.shape, sorted(mix.source[:, 1].tolist())
        (torch.Size([4, 2, 8, 8]), [0, 1, 2, 3])
    """
    return Guided(saliency, sigma)


ROW = Method(
    "guidedmixup",
    "GuidedMixup",
    "guidedmixup",
    "Kang and Kim, GuidedMixup: An Efficient Mixup Strategy Guided by Saliency Maps, AAAI 2023, "
    "arXiv:2306.16612",
    2023,
    same(saliency="spectral"),
    status="defined",
)
