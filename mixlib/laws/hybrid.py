"""HMix: a box of the partner on a mixture of both.

Park et al., "A Unified Analysis of Mixed Sample Data Augmentation: A Loss Function Perspective",
NeurIPS 2022, section 4 (HMix).

The box takes the share r (1 - lambda) of the image; outside it both images are mixed with weight
lambda / (share outside), so that the mask's mean is lambda whatever the box.  r = 1 is CutMix that
makes up for what the border cuts off, r = 0 is Mixup.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from mixlib.laws.base import MaskLaw
from mixlib.laws.box import Box
from mixlib.mix import Boxes


@dataclass(frozen=True)
class Hybrid(MaskLaw):
    """A box of weight 0 in a plain of even weight.

    Args:
        ratio: r, the box's share of 1 - lambda: 0.5 in the paper's figures, 1 by default in the
            release.
        border: "clip" as released; "wrap" continues the box on the other side (the unbiased law).
        odd: see :func:`mixlib.laws.box.clipped`.
    """

    ratio: float = 0.5
    border: Literal["clip", "wrap"] = "clip"
    odd: Literal["keep", "drop"] = "keep"

    # the mean of the mask is lambda by construction
    label = "drawn"

    def __post_init__(self) -> None:
        if not 0 <= self.ratio <= 1:
            raise ValueError(f"HMix needs a ratio in [0, 1], got {self.ratio}")

    @property
    def unbiased(self) -> bool:  # type: ignore[override]
        return self.border == "wrap"

    def draw(
        self, lam: Float[Tensor, " n"], size: tuple[int, int], rng: torch.Generator
    ) -> Float[Tensor, "n h w"]:
        boxes = Box(self.border, self.odd).draw(1 - self.ratio * (1 - lam), size, rng)
        return filled(boxes, lam)


def filled(boxes: Boxes, lam: Float[Tensor, " n"]) -> Float[Tensor, "n h w"]:
    """Weight 0 inside the boxes and lambda / (share outside) around them.

    A box over everything leaves nothing to carry lambda: its mask is 0 (lambda is 0 there for a
    box that is not larger than 1 - lambda; the release divides by zero).  A random rounding that
    makes the box larger than that would ask for a weight above 1, which is cut.
    """
    outside = boxes.share_outside().to(lam)
    level = torch.where(outside > 0, lam / outside.clamp(min=1e-12), 0).clamp(max=1)
    return torch.where(boxes.inside(), 0, level[:, None, None])
