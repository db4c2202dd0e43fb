"""SMMix: the window of the partner that is attended to most, over the own one that is least.

Chen et al., "SMMix: Self-Motivated Image Mixing for Vision Transformers", ICCV 2023, section 3.2:
a square window of s x s tokens, s uniform between a quarter and three quarters of the grid; scores
are the class token's attention on the clean images, summed over each window; labels by area.  The
paper's further terms (labels of single tokens, consistency of features) are no part of this: the
re-implementation that was recorded never reaches them, and they need token heads.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from mixlib.core.arguments import Share, checked
from mixlib.core.hyperparameters import same
from mixlib.core.method import Method
from mixlib.core.mix import Boxes, Mix, Move, pair
from mixlib.core.net import Net, inference
from mixlib.core.policy import Pairing, Policy, Scope, partners
from mixlib.models.attention import attention_map, token_layout


def window_sums(
    maps: Float[Tensor, "B h w"], side: Int[Tensor, " B"]
) -> tuple[Float[Tensor, "B h w"], Tensor]:
    """The sum over the square window of its sample's side at every top left cell, and whether the
    window lies in the map.

    Example:
        >>> sums, inside = window_sums(torch.ones(1, 2, 3), torch.tensor([2]))
        >>> sums[inside].tolist()
        [4.0, 4.0]
    """
    batch, h, w = maps.shape
    total = torch.nn.functional.pad(maps.double().cumsum(1).cumsum(2), (1, 0, 1, 0)).flatten(1)
    row = torch.arange(h, device=maps.device)[:, None].expand(h, w).flatten()
    col = torch.arange(w, device=maps.device).expand(h, w).flatten()
    low, right = row + side[:, None], col + side[:, None]
    inside = ((low <= h) & (right <= w)).view(batch, h, w)
    low, right = low.clamp(max=h), right.clamp(max=w)

    def at(i: Tensor, j: Tensor) -> Tensor:
        return total.gather(1, (i * (w + 1) + j).expand(batch, -1))

    sums = at(low, right) - at(row, right) - at(low, col) + at(row, col)
    return sums.view(batch, h, w), inside


@dataclass(frozen=True)
class Shifted(Move):
    """Every partner moved by whole pixels; the border's repeat outside.

    Attributes:
        partner: int64 [B].
        by: int64 [B, 2]: pixel (i, j) shows the partner's (i + by[0], j + by[1]).

    Example:
        >>> move = Shifted(torch.tensor([0]), torch.tensor([[0, 1]]))
        >>> move(torch.tensor([[[[1.0, 2.0, 3.0]]]])).tolist()
        [[[[2.0, 3.0, 3.0]]]]
    """

    partner: Int[Tensor, " B"]
    by: Int[Tensor, "B 2"]

    def __call__(self, maps: Shaped[Tensor, "B C H W"]) -> Shaped[Tensor, "B C H W"]:
        height, width = maps.shape[-2:]
        row = (torch.arange(height, device=maps.device) + self.by[:, :1]).clamp(0, height - 1)
        col = (torch.arange(width, device=maps.device) + self.by[:, 1:]).clamp(0, width - 1)
        channel = torch.arange(maps.shape[1], device=maps.device)[:, None, None]
        sample = self.partner[:, None, None, None]
        return maps[sample, channel, row[:, None, :, None], col[:, None, None]]


@dataclass(frozen=True, eq=False)
class MaxOverMin(Policy):
    """SMMix.

    Args:
        low, high: the window's side as a share of the grid's, both ends included.
        teacher: a transformer; None asks the network in training itself.
        attention: the site of its attention matrix.
        scope: one side per "sample" or one for the "batch".
        pairing: see :func:`mixlib.core.policy.partners`.

    Raises:
        ValueError: shares out of order or not in (0, 1].
    """

    needs = frozenset({"attention"})

    low: float = 0.25
    high: float = 0.75
    teacher: Net | None = None
    attention: str = "attention"
    scope: Scope = "sample"
    pairing: Pairing = "roll"

    def __post_init__(self) -> None:
        if not 0 < self.low <= self.high <= 1:
            raise ValueError(f"expected 0 < low <= high <= 1, found {self.low} and {self.high}")

    def draw(self, z: Tensor, y: Int[Tensor, " B"], net: Net | None, rng: torch.Generator) -> Mix:
        looking = self.teacher or net
        if looking is None:
            raise ValueError("SMMix needs a teacher, or the net in training")
        partner, shift = partners(len(z), self.pairing, rng)
        n = len(z) if self.scope == "sample" else 1
        unit = torch.rand(n, generator=rng, device=rng.device, dtype=torch.float64)
        with inference(looking):
            matrix = looking.features(z, self.attention)
        maps = attention_map(matrix, token_layout(looking), (z.shape[-2], z.shape[-1]))
        cells = min(maps.shape[1:])
        least, most = max(1, int(self.low * cells)), max(1, int(self.high * cells))
        side = (least + (unit * (most - least + 1)).long()).clamp(max=most)
        partner, side = partner.to(z.device), side.to(z.device).expand(len(z))
        return self.solve(z, maps, partner, side, shift)

    def solve(
        self,
        z: Float[Tensor, "B C H W"],
        maps: Float[Tensor, "B h w"],
        partner: Int[Tensor, " B"],
        side: Int[Tensor, " B"],
        shift: int | None = None,
    ) -> Mix:
        """The mix for given partners and sides (cells); maps are of the clean images."""
        grid, size = maps.shape[1:], (z.shape[-2], z.shape[-1])
        sums, inside = window_sums(maps, side)
        least = torch.where(inside, sums, torch.inf).flatten(1).argmin(1)
        # the partner's window has the side of the own image's
        theirs, fits = window_sums(maps[partner], side)
        most = torch.where(fits, theirs, -torch.inf).flatten(1).argmax(1)
        scale = torch.tensor([size[0], size[1]], device=z.device)
        cells = torch.tensor([grid[0], grid[1]], device=z.device)
        extent = side[:, None] * scale // cells
        into, out_of = (
            torch.minimum(
                torch.stack([at // grid[1], at % grid[1]], 1) * scale // cells, scale - extent
            )
            for at in (least, most)
        )
        boxes = Boxes(torch.cat([into, extent], 1), size)
        move = Shifted(partner, out_of - into)
        return pair(
            partner, boxes, boxes.share_outside(), shift=shift,
            parts=(None, move(z)), moves=(None, move),
        )  # fmt: skip


@checked
def smmix(
    low: Share = 0.25,
    high: Share = 0.75,
    teacher: Net | None = None,
    attention: str = "attention",
    scope: Scope = "sample",
    pairing: Pairing = "roll",
) -> Policy:
    """SMMix (Chen et al., ICCV 2023): the partner's most attended window over the own least one.

    Released: one side per batch, the batch backwards as partners.

    Args:
        low, high: the window's side as a share of the grid's.
        teacher: a pretrained transformer; None asks the network in training.
        attention: the site of its attention matrix.
        scope: one side per "sample" or one for the "batch".
        pairing: see :func:`mixlib.core.policy.partners`.

    Example:
        >>> from timm.models.vision_transformer import VisionTransformer
        >>> from mixlib.models.wrap import wrap
        >>> model = VisionTransformer(16, 4, embed_dim=8, depth=2, num_heads=2, num_classes=4)
        >>> net = wrap(model, attention=True)
        >>> images, labels = torch.zeros(4, 3, 16, 16), torch.arange(4)
        >>> mix = smmix().draw(images, labels, net, torch.Generator().manual_seed(0))
        >>> mix.mask.edges.shape
        torch.Size([4, 4])
    """
    return MaxOverMin(low, high, teacher, attention, scope, pairing)


ROW = Method(
    "smmix",
    "SMMix",
    "smmix",
    "Chen et al., SMMix: Self-Motivated Image Mixing for Vision Transformers, ICCV 2023, "
    "arXiv:2212.12977",
    2023,
    same(low=0.25, high=0.75),
    frozenset({"attention"}),
    released={"scope": "batch", "pairing": "reverse"},
)
