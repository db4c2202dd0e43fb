"""RICAP: four crops, patched together.

Takahashi, Matsubara and Uehara, "Data Augmentation using Random Image Cropping and Patching for
Deep CNNs", 2018, section 3: a boundary point splits the image into four quadrants, each filled with
a random crop of another sample; labels by area.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from mixlib.core.arguments import Positive, checked
from mixlib.core.hyperparameters import same
from mixlib.core.lam import Beta, LamLaw
from mixlib.core.method import Method
from mixlib.core.mix import Mix, Move
from mixlib.core.net import Net
from mixlib.core.policy import Policy, Scope


@dataclass(frozen=True)
class Patchwork(Policy):
    """Four crops per sample.

    Args:
        split: law of the boundary point's row and column, as shares of height and width.
        scope: one geometry per "sample" or one for the "batch".
        permute: all four sources by random permutations, as released; otherwise the first is the
            sample itself, which only relabels the batch.
    """

    split: LamLaw
    scope: Scope = "sample"
    permute: bool = False

    def draw(self, z: Tensor, y: Int[Tensor, " B"], net: Net | None, rng: torch.Generator) -> Mix:
        batch, height, width = len(z), z.shape[-2], z.shape[-1]
        n = batch if self.scope == "sample" else 1
        own = torch.arange(batch, device=rng.device)
        orders = [torch.randperm(batch, generator=rng, device=rng.device) for _ in range(4)]
        source = torch.stack(orders, 1)
        if not self.permute:
            source[:, 0] = own
        size = torch.tensor([height, width], device=rng.device)
        share = torch.stack([self.split.sample(n, rng), self.split.sample(n, rng)], 1)
        split = (share * size).round().long()
        place = torch.rand(n, 4, 2, generator=rng, device=rng.device, dtype=torch.float64)
        extent = quadrants(split, (height, width))[..., 2:]
        origin = (place * (size - extent + 1)).long()
        drawn = (t.to(z.device, non_blocking=True) for t in (source, split, origin))
        return patched(z, *drawn)


@dataclass(frozen=True)
class Gathered(Move):
    """Every pixel from any sample and place: the move of all four crops at once.

    Attributes:
        sample: int64 [B, 1, H, W], the input sample of every pixel.
        index: int64 [B, 1, H, W], its pixel there, row by row.

    Example:
        >>> zero = torch.zeros(1, 1, 2, 2, dtype=torch.int64)
        >>> Gathered(zero, zero)(torch.arange(4.0).view(1, 1, 2, 2)).sum()  # the first pixel
        tensor(0.)
    """

    sample: Int[Tensor, "B 1 H W"]
    index: Int[Tensor, "B 1 H W"]

    def __call__(self, maps: Shaped[Tensor, "B C H W"]) -> Shaped[Tensor, "B C H W"]:
        channel = torch.arange(maps.shape[1], device=maps.device)[:, None, None]
        return maps.flatten(2)[self.sample, channel, self.index]


def quadrants(split: Int[Tensor, "n 2"], size: tuple[int, int]) -> Int[Tensor, "n 4 4"]:
    """(top, left, height, width) of top left, bottom left, top right and bottom right."""
    rows, cols = split.unbind(1)
    zero, down, across = torch.zeros_like(rows), size[0] - rows, size[1] - cols
    boxes = [
        (zero, zero, rows, cols),
        (rows, zero, down, cols),
        (zero, cols, rows, across),
        (rows, cols, down, across),
    ]
    return torch.stack([torch.stack(box, 1) for box in boxes], 1)


def patched(
    z: Float[Tensor, "B C H W"],
    source: Int[Tensor, "B 4"],
    split: Int[Tensor, "n 2"],
    origin: Int[Tensor, "n 4 2"],
) -> Mix:
    """The mix for a given geometry: the quadrants' crops are gathered at once, so all four parts
    are the finished picture, of which each mask shows its quadrant.

    Args:
        z: the batch.
        source: samples of the quadrants, in the order of :func:`quadrants`.
        split: (row, column) of the boundary point, n = B or 1.
        origin: (top, left) of every crop in its source.
    """
    batch, _, height, width = z.shape
    boxes = quadrants(split, (height, width))
    row = torch.arange(height, device=z.device)[:, None]
    col = torch.arange(width, device=z.device)
    below = (row >= split[:, :1, None]).long()
    right = (col >= split[:, 1:, None]).long()
    which = (below + 2 * right).flatten(1)  # quadrant of every pixel
    shift = origin - boxes[..., :2]
    down, across = (shift[..., axis].gather(1, which).view(-1, height, width) for axis in (0, 1))
    sample = source.gather(1, which.expand(batch, -1)).view(batch, 1, height, width)
    index = ((row + down) * width + col + across)[:, None].expand(batch, 1, -1, -1)
    move = Gathered(sample, index)
    picture = move(z)
    mask = torch.nn.functional.one_hot(which, 4).mT.view(-1, 4, height, width).float()
    weight = (boxes[..., 2] * boxes[..., 3]).float() / (height * width)
    return Mix(source, weight.expand(batch, 4), mask, parts=(picture,) * 4, moves=(move,) * 4)


@checked
def ricap(beta: Positive = 0.3, scope: Scope = "sample", permute: bool = False) -> Policy:
    """RICAP (Takahashi et al., 2018): four crops, patched together.

    Released: one geometry per batch, four permutations.

    Args:
        beta: the boundary point's coordinates are Beta(beta, beta).
        scope: one geometry per "sample" or one for the "batch".
        permute: the first quadrant, too, shows a random sample, not the sample itself.

    Example:
        >>> images, labels = torch.zeros(4, 3, 8, 8), torch.arange(4)
        >>> rng = torch.Generator().manual_seed(0)
        >>> mix = ricap(beta=0.3).draw(images, labels, None, rng)
        >>> mix.source.shape, mix.weight.sum(1).tolist()
        (torch.Size([4, 4]), [1.0, 1.0, 1.0, 1.0])
    """
    return Patchwork(Beta(beta), scope, permute)


ROW = Method(
    "ricap",
    "RICAP",
    "ricap",
    "Takahashi et al., Data Augmentation using Random Image Cropping and Patching for Deep "
    "CNNs, IEEE TCSVT 2020, arXiv:1811.09030",
    2018,
    same(beta=0.3),
    released={"scope": "batch", "permute": True},
)
