"""Hide-and-Seek: random cells of a grid give way to the mean image; labels stay.

Singh and Lee, "Hide-and-Seek: Forcing a Network to be Meticulous for Weakly-supervised Object and
Action Localization", ICCV 2017, section 3.1.  As a mix the second source is a fill in place of
another sample, with no label weight.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mixlib.core.arguments import Count, Share, checked
from mixlib.core.method import Method
from mixlib.core.policy import Policy
from mixlib.masks.cells import enlarge
from mixlib.masks.erasing import Erase, Region


@dataclass(frozen=True)
class Patches(Region):
    """Every cell of a grid is hidden with some probability (Hide-and-Seek).

    Args:
        counts: cells per side, one drawn per image; 1 hides nothing.  The authors draw cells of 16,
            32, 44 or 56 pixels or none at all on 224 pixels.
        odds: of a cell to be hidden.
    """

    counts: tuple[int, ...] = (1, 14, 7, 5, 4)
    odds: float = 0.5

    def draw(self, n: int, size: tuple[int, int], rng: torch.Generator) -> Tensor:
        which = torch.randint(len(self.counts), (n,), generator=rng, device=rng.device)
        shown = torch.ones(n, *size, device=rng.device)
        for k, count in enumerate(self.counts):
            grid = (min(count, size[0]), min(count, size[1]))
            unit = torch.rand(n, *grid, generator=rng, device=rng.device)
            if count > 1:
                hidden = (unit < self.odds) & (which == k)[:, None, None]
                shown = shown * enlarge((~hidden).float(), size)
        return shown


@checked
def hide_and_seek(counts: tuple[Count, ...] = (1, 14, 7, 5, 4), odds: Share = 0.5) -> Policy:
    """Hide-and-Seek (Singh and Lee, ICCV 2017): random cells of the mean image.

    Example:
        >>> images, labels = torch.zeros(4, 3, 8, 8), torch.arange(4)
        >>> rng = torch.Generator().manual_seed(0)
        >>> mix = hide_and_seek().draw(images, labels, None, rng)
        >>> mix.weight[0].tolist()  # the label stays
        [1.0, 0.0]
    """
    return Erase(Patches(counts, odds))


ROW = Method(
    "hide_and_seek",
    "Hide-and-Seek",
    "hide_and_seek",
    "Singh and Lee, Hide-and-Seek: Forcing a Network to be Meticulous for Weakly-supervised "
    "Object and Action Localization, ICCV 2017, arXiv:1704.04232",
    2017,
    status="defined",
)
