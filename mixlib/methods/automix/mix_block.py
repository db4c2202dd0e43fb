"""The Mix Block: cross-attention from a pair of feature maps to a mask.

AutoMix, section 3.1, eq. (4)-(6).  For a pair (i, j) with maps z_i, z_j and the share lambda of i:

    P   = softmax_rows( (W_P z_i)^T (W_P z_j) / C )        eq. (6), positions of i by positions of j
    s_i = U( sigmoid( P W_Z z_i ) )                        eq. (5), U upsamples to the image

The released code departs in three places, each a field of :class:`BlockSpec`: the value is that of
z_j and s_i = 1 - s_j; the logits are upsampled before the sigmoid; SAMix ("AutoMix+") adds more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from mixlib.core.arguments import Count, NotNegative, check_fields
from mixlib.core.full_precision import full_precision


@dataclass(frozen=True)
class BlockSpec:
    """The variants of the Mix Block; the defaults are the paper's.

    Args:
        embed_lam: append lambda (for i) and 1 - lambda (for j) as a constant channel ("lambda
            embedding", eq. 4, Table 9).  Off in the released CIFAR and Tiny-ImageNet configs, where
            the block then never sees lambda.
        separate: one projection each for query and key.  Eq. (6) and the release share W_P; only
            separate ones reproduce the parameter counts of Table 11.
        value: whose features the attention sums: "own" (z_i, eq. 5) or "partner" (z_j, released).
        squash: the sigmoid "before" the upsampling (eq. 5) or "after" it (released).  The same for
            "nearest".
        upsample: "nearest" (AutoMix), "bilinear" (SAMix, "AutoMix+"), "bicubic"; never with aligned
            corners.
        reduction: C / width of the projections (2 everywhere).
        scaled: divide the similarity by the root of that width (the paper's C(., .)); else by 1.
        lam_scale: SAMix's k: features are multiplied by 1 + f_k(lambda) instead of extended by a
            channel; None for AutoMix.  Not negative: below 0, f_k falls around lambda = 1/2.
        paired: SAMix: query and key both read the concatenation of z_i and z_j.
        value_neck: SAMix: the value is 1x1 - BN - ELU - 1x1 (hidden width C / reduction) instead of
            one 1x1 convolution.
        init, init_value: standard deviation of the initial weights of query and key, and of the
            value (released: 0.01).  The similarity of eq. (6) is quadratic in it and grows with C:
            at C = 32 the released one leaves the attention uniform, and the mask flat, for as long
            as a short run lasts.

    Example:
        >>> BlockSpec(upsample="bilinear").reduction
        2
    """

    embed_lam: bool = True
    separate: bool = False
    value: Literal["own", "partner"] = "own"
    squash: Literal["before", "after"] = "before"
    upsample: Literal["nearest", "bilinear", "bicubic"] = "nearest"
    reduction: Count = 2
    scaled: bool = True
    lam_scale: NotNegative | None = None
    paired: bool = False
    value_neck: bool = False
    init: NotNegative = 0.01
    init_value: NotNegative = 0.01

    def __post_init__(self) -> None:
        check_fields(self)
        if self.embed_lam and self.lam_scale is not None:
            raise ValueError("lambda is either embedded (embed_lam) or multiplied (lam_scale)")


def scaled_lam(lam: Float[Tensor, "*n"], k: float) -> Float[Tensor, "*n"]:
    """SAMix's rescaling f_k of lambda: (4/3 l^3 - 2 l^2 + (k + 1) l) / (k + 1/3), flat around 1/2.

    Maps [0, 1] to [0, 1] with f_k(l) + f_k(1 - l) = 1.
    """
    return (4 / 3 * lam**3 - 2 * lam**2 + (k + 1) * lam) / (k + 1 / 3)


class MixBlock(nn.Module):
    """Predicts the mask of the own image from a pair of feature maps.

    Args:
        channels: C of the maps.
        spec: which variant.
        rng: initializes the weights, with zero biases.  At the released N(0, 0.01)
            every mask starts near 1/2, whatever lambda is: the first batches are Mixup's at
            lambda = 1/2.

    Example:
        >>> block = MixBlock(8, BlockSpec(), torch.Generator().manual_seed(0))
        >>> partner, lam = torch.tensor([1, 0]), torch.tensor([0.3])
        >>> block(torch.ones(2, 8, 4, 4), partner, lam, (16, 16)).shape
        torch.Size([2, 16, 16])
    """

    def __init__(self, channels: int, spec: BlockSpec, rng: torch.Generator) -> None:
        super().__init__()
        self.spec = spec
        width = max(channels // spec.reduction, 1)
        seen = channels + 1 if spec.embed_lam else channels
        self.query = nn.Conv2d(2 * seen if spec.paired else seen, width, 1)
        self.key = nn.Conv2d(self.query.in_channels, width, 1) if spec.separate else None
        self.value: nn.Module = nn.Conv2d(seen, 1, 1)
        if spec.value_neck:
            self.value = nn.Sequential(
                nn.Conv2d(seen, width, 1, bias=False),
                nn.BatchNorm2d(width),
                nn.ELU(),
                nn.Conv2d(width, 1, 1, bias=False),
            )
        of_value = set(self.value.modules())
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                std = spec.init_value if part in of_value else spec.init
                nn.init.normal_(part.weight, std=std, generator=rng)
                if part.bias is not None:
                    nn.init.zeros_(part.bias)

    def forward(
        self,
        z: Float[Tensor, "B C h w"],
        partner: Int[Tensor, " B"],
        lam: Float[Tensor, " n"],
        size: tuple[int, int],
    ) -> Float[Tensor, "B H W"]:
        """The weight of the own image at every pixel, in (0, 1).

        Computed in at least single precision under any autocast: the softmax runs over products of
        hundreds of channels.

        Args:
            z: [B, C, h, w], features of the unmixed batch.
            partner: int64 [B], the partner of each sample.
            lam: [B], or [1] for the whole batch: share of the own image.
            size: (H, W) of the mask.
        """
        with full_precision(z.device.type):
            z = z if z.dtype == torch.float64 else z.float()
            own, other = self.embed(z, partner, lam.to(z.dtype))
            source = own if self.spec.value == "own" else other
            logit = self.weigh(self.attend(own, other), self.value(source))
            if self.spec.squash == "before":
                mask = self.enlarge(logit.sigmoid(), size)
            else:
                mask = self.enlarge(logit, size).sigmoid()
        mask = mask[:, 0]
        return mask if self.spec.value == "own" else 1 - mask

    def embed(
        self, z: Float[Tensor, "B C h w"], partner: Int[Tensor, " B"], lam: Float[Tensor, " n"]
    ) -> tuple[Float[Tensor, "B D h w"], Float[Tensor, "B D h w"]]:
        """Maps of i and of j that know their shares lambda and 1 - lambda."""
        own, other = z, z[partner]
        share = lam[:, None, None, None]
        if self.spec.embed_lam:
            channel = share.expand(z.shape[0], 1, *z.shape[2:])
            return torch.cat([own, channel], 1), torch.cat([other, 1 - channel], 1)
        if self.spec.lam_scale is not None:
            share = scaled_lam(share, self.spec.lam_scale)
            return own * (1 + share), other * (2 - share)
        return own, other

    def attend(
        self, own: Float[Tensor, "B D h w"], other: Float[Tensor, "B D h w"]
    ) -> Float[Tensor, "B N N"]:
        """P of eq. (6): row n holds the attention of position n of i over the positions of j."""
        if self.spec.paired:
            own = other = torch.cat([own, other], 1)
        query = self.query(own).flatten(2)
        key = (self.query if self.key is None else self.key)(other).flatten(2)
        scale = math.sqrt(query.shape[1]) if self.spec.scaled else 1.0
        return torch.softmax(query.transpose(1, 2) @ key / scale, dim=-1)

    def weigh(
        self, attention: Float[Tensor, "B N N"], value: Float[Tensor, "B 1 h w"]
    ) -> Float[Tensor, "B 1 h w"]:
        """P v: the logit of the weight, at the positions of i."""
        return (attention @ value.flatten(1)[..., None]).reshape(value.shape)

    def enlarge(self, z: Float[Tensor, "B K h w"], size: tuple[int, int]) -> Tensor:
        """U(.) of eq. (5).  Bicubic interpolation may overshoot: after a sigmoid it is clamped."""
        if self.spec.upsample == "nearest":
            return F.interpolate(z, size, mode="nearest")
        z = F.interpolate(z, size, mode=self.spec.upsample, align_corners=False)
        bounded = self.spec.upsample == "bicubic" and self.spec.squash == "before"
        return z.clamp(0, 1) if bounded else z
