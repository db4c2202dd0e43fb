"""AugMix: an image, mixed with differently processed versions of itself.

Hendrycks et al., "AugMix: A Simple Data Processing Method to Improve Robustness and Uncertainty",
ICLR 2020, algorithm 1: three chains of one to three operations each, averaged with Dirichlet
weights, and mixed with the original with weight m ~ Beta(1, 1).  As a mix its four sources are the
sample itself, three times moved and recolored; the label stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from mixlib.core.arguments import Count, Finite, NotNegative, Positive, checked
from mixlib.core.lam import Beta
from mixlib.core.mix import Mix
from mixlib.core.net import Net
from mixlib.core.normalization import per_channel
from mixlib.core.policy import Policy
from mixlib.methods.augmix import operations as chain_ops
from mixlib.saliency.fine_grained import bytes_of

WEAKEST = 0.1  # least level of an operation


@dataclass(frozen=True)
class Chains(Policy):
    """AugMix.

    Args:
        mean, std: the normalization that the images have gone through; operations work on bytes.
        width: number of chains.
        depth: greatest length of a chain, lengths being uniform from 1.
        severity: greatest level of an operation, out of 10: CIFAR 3, ImageNet 1.
        alpha: of the Dirichlet and Beta weights.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    width: int = 3
    depth: int = 3
    severity: float = 3.0
    alpha: float = 1.0

    def draw(self, z: Tensor, y: Int[Tensor, " B"], net: Net | None, rng: torch.Generator) -> Mix:
        n = len(z)
        shape, device = (n, self.width, self.depth), rng.device
        count = len(chain_ops.OPERATIONS)
        operation = torch.randint(0, count, shape, generator=rng, device=device)
        length = torch.randint(1, self.depth + 1, (n, self.width, 1), generator=rng, device=device)
        operation[torch.arange(self.depth, device=device).expand(shape) >= length] = -1
        unit = torch.rand(shape, generator=rng, device=device, dtype=torch.float64)
        level = WEAKEST + (self.severity - WEAKEST) * unit
        sign = torch.where(torch.rand(shape, generator=rng, device=device) < 0.5, -1.0, 1.0)
        concentration = torch.full((n, self.width), float(self.alpha), device=rng.device)
        weights = torch._sample_dirichlet(concentration, generator=rng)
        share = Beta(self.alpha).sample(n, rng).float()
        drawn = (operation, level, sign, weights, share)
        return self.solve(z, *(t.to(z.device, non_blocking=True) for t in drawn))

    def solve(
        self,
        z: Float[Tensor, "B C H W"],
        operation: Int[Tensor, "B w d"],
        level: Float[Tensor, "B w d"],
        sign: Float[Tensor, "B w d"],
        weights: Float[Tensor, "B w"],
        share: Float[Tensor, " B"],
    ) -> Mix:
        """The mix for given draws: operation -1 does nothing, ``share`` is the chains' together."""
        n, width, depth = operation.shape
        # all chains of all images are one batch
        image = bytes_of(z, self.mean, self.std).repeat_interleave(width, 0)
        for step in range(depth):
            now = (t[:, :, step].flatten() for t in (operation, level, sign))
            image = chain_ops.apply(image, *now)
        chains = self._normalized(image).to(z.dtype).unflatten(0, (n, width)).unbind(1)
        mask = torch.cat([1 - share[:, None], share[:, None] * weights], 1)[:, :, None, None]
        itself = torch.arange(n, device=z.device)[:, None].expand(n, width + 1)
        weight = torch.zeros(n, width + 1, device=z.device)
        weight[:, 0] = 1
        return Mix(itself, weight, mask, parts=(None, *chains))

    def _normalized(self, image: UInt8[Tensor, "N C H W"]) -> Float[Tensor, "N C H W"]:
        mean, std = (per_channel(v, image.shape[1], image.device) for v in (self.mean, self.std))
        return (image / 255 - mean) / std


@checked
def augmix(
    mean: Sequence[Finite] = (0.485, 0.456, 0.406),
    std: Sequence[Positive] = (0.229, 0.224, 0.225),
    width: Count = 3,
    depth: Count = 3,
    severity: NotNegative = 3.0,
    alpha: Positive = 1.0,
) -> Policy:
    """AugMix (Hendrycks et al., ICLR 2020), one view; its Jensen-Shannon loss is
    :class:`mixlib.methods.augmix.consistency.Consistency`.

    Example:
        >>> images, labels = torch.zeros(4, 3, 8, 8), torch.arange(4)
        >>> rng = torch.Generator().manual_seed(0)
        >>> mix = augmix(width=3).draw(images, labels, None, rng)
        >>> mix.source[0].tolist(), mix.weight[0].tolist()
        ([0, 0, 0, 0], [1.0, 0.0, 0.0, 0.0])
    """
    return Chains(tuple(mean), tuple(std), width, depth, severity, alpha)
