"""HMix: a box of the partner, and a flat mixture around it.  Park, Yun and Chun, "A Unified
Analysis of MSDA", NeurIPS 2022, section 4 and Figure 3 (r = 0.5 there, 1 is the release's default).

The box takes the share r of what the partner gets, r (1 - lambda); the rest is mixed in evenly.
r = 0 is Mixup.  r = 1 is CutMix but where the border clips the box: there the outside stays mixed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mixlib.core.arguments import Positive, Share, checked
from mixlib.core.hyperparameters import same
from mixlib.core.lam import Beta
from mixlib.core.mask import Laws, MaskLaw
from mixlib.core.method import Method
from mixlib.core.mix import Boxes
from mixlib.core.policy import ByLaw, Pairing, Policy, Scope
from mixlib.masks.clipped_boxes import centers, clipped


def around(
    boxes: Boxes, outside: Float[Tensor, " n"], dtype: torch.dtype | None = None
) -> Float[Tensor, "n h w"]:
    """Zero inside the boxes, ``outside`` around them."""
    shown = (~boxes.inside()).to(dtype or outside.dtype)
    return shown * outside.to(shown.dtype)[:, None, None]


def filling(lam: Float[Tensor, " n"], uncovered: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """Weight outside the box that makes the mask's mean lambda: lambda / (share uncovered).

    A box that covers everything leaves nothing to fill: 0 there, where the release has 0 / 0.
    """
    return torch.where(
        uncovered > 0, lam / uncovered.clamp(min=torch.finfo(lam.dtype).tiny), 0.0
    ).clamp(max=1)


@dataclass(frozen=True)
class HMix(MaskLaw):
    """One box of the partner with in-fill around it; the mask's mean is lambda.

    Args:
        ratio: r in [0, 1], the box's share of what the partner gets.
        border: "clip" as released: odd sides lose a cell, the filling is lambda / (share left
            uncovered), so the mean is lambda in every draw but E[M_j | lambda] depends on the
            place;
            "wrap": the box continues on the other side, sides are rounded at random and the filling
            is the nominal lambda / (1 - r (1 - lambda)), so that E[M | lambda] = lambda and the
            second moments are those of the continuous torus, both exactly, on any grid.

    Raises:
        ValueError: a ratio outside [0, 1] or an unknown border.

    Example:
        >>> lam, rng = torch.full((2,), 0.75, dtype=torch.float64), torch.Generator()
        >>> torch.allclose(HMix(ratio=0.5).sample(lam, (8, 8), rng).mean((1, 2)), lam)
        True
    """

    ratio: float = 0.5
    border: Literal["clip", "wrap"] = "clip"
    label = "drawn"

    def __post_init__(self) -> None:
        if not 0 <= self.ratio <= 1:
            raise ValueError(f"HMix needs a ratio in [0, 1], got {self.ratio}")
        if self.border not in ("clip", "wrap"):
            raise ValueError(f"HMix needs border clip|wrap, got {self.border!r}")

    @property
    def unbiased(self) -> bool:  # type: ignore[override]
        return self.border == "wrap"

    def draw(
        self, lam: Float[Tensor, " n"], size: tuple[int, int], rng: torch.Generator
    ) -> Float[Tensor, "n h w"]:
        center = centers(len(lam), size, rng)
        if self.border == "clip":
            return self.mask(lam, center, size)
        up = torch.rand(len(lam), 2, generator=rng, device=rng.device, dtype=lam.dtype)
        side = (self.sides(lam, size) + up).floor().long()
        boxes = Boxes(torch.cat([center, side], dim=1), size)
        return around(boxes, filling(lam, 1 - self.ratio * (1 - lam)))

    def mask(
        self, lam: Float[Tensor, " n"], center: Int[Tensor, "n 2"], size: tuple[int, int]
    ) -> Float[Tensor, "n h w"]:
        """The mask of given centers (row, column), clipped at the border as released."""
        boxes = clipped(center, self.sides(lam, size).long(), size, "drop")
        return around(boxes, filling(lam, boxes.share_outside().to(lam.dtype)))

    def sides(self, lam: Float[Tensor, " n"], size: tuple[int, int]) -> Float[Tensor, "n 2"]:
        """Sides of the box before rounding: (h, w) sqrt(r (1 - lambda))."""
        # the product of two roots, as released: which integer lies below depends on the last bit
        cut = (1 - lam).clamp(min=0).sqrt() * self.ratio**0.5
        return torch.tensor(size, device=lam.device, dtype=lam.dtype) * cut[:, None]


@checked
def hmix(
    alpha: Positive = 1.0,
    ratio: Share = 0.5,
    scope: Scope = "sample",
    pairing: Pairing = "roll",
) -> Policy:
    """HMix (Park et al., NeurIPS 2022): a box of the partner on a mixture of both.

    Released: one box per batch, the batch backwards as partners; its default ``ratio`` is 1.

    Args:
        alpha: lambda ~ Beta(alpha, alpha).
        ratio: r, the box's share of what the partner gets.
        scope: one box per "sample" or one for the "batch".
        pairing: see :func:`mixlib.core.policy.partners`.

    Example:
        >>> images, labels = torch.zeros(4, 3, 8, 8), torch.arange(4)
        >>> rng = torch.Generator().manual_seed(0)
        >>> mix = hmix(ratio=0.5).draw_at(images, labels, None, 0.25, rng)
        >>> mix.weight[0].tolist(), round(float(mix.mask[0, 0].mean()), 2)
        ([0.25, 0.75], 0.25)
    """
    return ByLaw(HMix(ratio), Beta(alpha), scope, pairing)


LAWS: Laws = {
    "hmix": lambda size: HMix(),
    "hmix, r = 1": lambda size: HMix(1.0),
    "hmix, wrapped": lambda size: HMix(0.5, "wrap"),
}

_CITE = (
    "Park et al., A Unified Analysis of Mixed Sample Data Augmentation: A Loss Function "
    "Perspective, NeurIPS 2022, arXiv:2208.09913"
)

ROW = Method(
    "hmix",
    "HMix",
    "hmix",
    _CITE,
    2022,
    same(alpha=1.0, ratio=0.5),
    released={"scope": "batch", "pairing": "reverse"},
)
