"""Mixes of several images: who, with which shares, and the block that makes their masks."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mixlib.core.full_precision import full_precision
from mixlib.core.lam import LamLaw
from mixlib.core.mix import Mix
from mixlib.core.policy import Pairing, Scope, partners
from mixlib.methods.automix.mix_block import MixBlock


@dataclass(frozen=True)
class Together:
    """Who is mixed with whom, and with which shares.

    Attributes:
        source: int64 [B, K]; the first is the sample itself.
        shares: float [B, K] that sum to one.
    """

    source: Int[Tensor, "B K"]
    shares: Float[Tensor, "B K"]

    def mix(self, masks: Float[Tensor, "n K h w"] | None = None) -> Mix:
        """The mix with these masks, or flat; its label shares are the drawn ones."""
        flat = self.shares[:, :, None, None]
        return Mix(self.source, self.shares, flat if masks is None else masks)


def draw_shares(
    law: LamLaw, batch: int, samples: int, scope: Scope, rng: torch.Generator
) -> Float[Tensor, "B K"]:
    """K lambdas a batch or sample, scaled to sum to one; of two, lambda and 1 - lambda.

    Example:
        >>> from mixlib.core.lam import Beta
        >>> shares = draw_shares(Beta(1.0), 2, 3, "batch", torch.Generator().manual_seed(0))
        >>> shares.shape, bool(torch.equal(shares[0], shares[1]))
        (torch.Size([2, 3]), True)
    """
    n = batch if scope == "sample" else 1
    if samples == 2:
        return law.shares(n, rng).expand(batch, 2)
    lam = law.sample(n * samples, rng).view(n, samples)
    return (lam / lam.sum(1, keepdim=True)).expand(batch, samples)


def draw_sources(
    batch: int, samples: int, pairing: Pairing, rng: torch.Generator
) -> Int[Tensor, "B K"]:
    """Every sample with K - 1 partners, each drawn by itself: two may be the same."""
    own = torch.arange(batch, device=rng.device)
    others = [partners(batch, pairing, rng)[0] for _ in range(samples - 1)]
    return torch.stack([own, *others], 1)


class SeveralMixBlock(MixBlock):
    """The block for any number of images.

    Example:
        >>> from mixlib.methods.adautomix import AdAutoMixSpec
        >>> rng = torch.Generator().manual_seed(0)
        >>> block = SeveralMixBlock(8, AdAutoMixSpec().block, rng)
        >>> source, shares = torch.tensor([[0, 1, 1], [1, 0, 0]]), torch.full((2, 3), 1 / 3)
        >>> block.masks(torch.ones(2, 8, 4, 4), Together(source, shares), (16, 16)).shape
        torch.Size([2, 3, 16, 16])
    """

    def masks(
        self, z: Float[Tensor, "B C h w"], draw: Together, size: tuple[int, int]
    ) -> Float[Tensor, "B K H W"]:
        """The weight of every image at every pixel; they sum to one.

        Args:
            z: features of the unmixed batch.
            draw: what is mixed.
            size: (H, W) of the masks.
        """
        with full_precision(z.device.type):
            z = z if z.dtype == torch.float64 else z.float()
            logits = self.logits(z[draw.source], draw.shares.to(z.dtype))
            if self.spec.squash == "after":
                return self.enlarge(logits, size).softmax(1)
            masks = self.enlarge(logits.softmax(1), size)
            return masks / masks.sum(1, keepdim=True)

    def logits(
        self, maps: Float[Tensor, "B K C h w"], shares: Float[Tensor, "B K"]
    ) -> Float[Tensor, "B K h w"]:
        """Logits of the weights: the positions of each image attend to those of all the others."""
        batch, samples, _, height, width = maps.shape
        if self.spec.embed_lam:
            channel = shares[:, :, None, None, None].expand(batch, samples, 1, height, width)
            maps = torch.cat([maps, channel], 2)
        each = maps.flatten(0, 1)
        query = self.query(each).flatten(2).unflatten(0, (batch, samples))
        key = (self.query if self.key is None else self.key)(each).flatten(2)
        key = key.unflatten(0, (batch, samples))
        others = key.sum(1, keepdim=True) - key
        value = self.value(each).flatten(1).unflatten(0, (batch, samples))
        scale = query.shape[2] ** 0.5 if self.spec.scaled else 1.0
        attention = torch.softmax(query.transpose(2, 3) @ others / scale, dim=-1)
        return (attention @ value[..., None])[..., 0].unflatten(2, (height, width))
