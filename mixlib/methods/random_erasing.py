"""Random Erasing: a rectangle of random area and aspect gives way to zeros or noise; labels stay.

Zhong et al., "Random Erasing Data Augmentation", AAAI 2020, Algorithm 1.  As a mix the second
source is a fill in place of another sample, with no label weight.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import torch

from mixlib.core.arguments import Count, Range, Share, checked
from mixlib.core.method import Method
from mixlib.core.mix import Boxes
from mixlib.core.policy import Policy
from mixlib.masks.erasing import Erase, Fill, Region


@dataclass(frozen=True)
class Rectangle(Region):
    """A rectangle of random area and aspect that lies inside the image (Random Erasing).

    Args:
        area: range of its share of the image, uniform.
        aspect: least height over width; the greatest is its inverse.
        law: of the aspect: "uniform" as released by the authors, "log" as in timm.
        tries: proposals; without one that fits nothing is erased.
    """

    area: tuple[float, float] = (0.02, 0.4)
    aspect: float = 0.3
    law: Literal["uniform", "log"] = "uniform"
    tries: int = 100

    def draw(self, n: int, size: tuple[int, int], rng: torch.Generator) -> Boxes:
        unit = torch.rand(n, self.tries, 2, generator=rng, device=rng.device, dtype=torch.float64)
        area = (self.area[0] + unit[..., 0] * (self.area[1] - self.area[0])) * size[0] * size[1]
        if self.law == "log":
            aspect = self.aspect ** (2 * unit[..., 1] - 1)
        else:
            aspect = self.aspect + unit[..., 1] * (1 / self.aspect - self.aspect)
        side = torch.stack([(area * aspect).sqrt(), (area / aspect).sqrt()], -1).round().long()
        limit = torch.tensor(size, device=rng.device)
        fits = (side < limit).all(-1)
        first = fits.to(torch.uint8).argmax(1)
        side = side.gather(1, first[:, None, None].expand(n, 1, 2))[:, 0] * fits.any(1)[:, None]
        place = torch.rand(n, 2, generator=rng, device=rng.device, dtype=torch.float64)
        corner = (place * (limit - side + 1)).long()
        return Boxes(torch.cat([corner, side], 1), size)


@checked
def random_erasing(
    prob: Share = 0.5,
    area: tuple[Share, Share] = (0.02, 0.4),
    aspect: Annotated[float, Range(high=1.0, above=0.0)] = 0.3,
    fill: Fill = "zero",
    law: Literal["uniform", "log"] = "uniform",
    tries: Count = 100,
) -> Policy:
    """Random Erasing (Zhong et al., AAAI 2020); timm's for DeiT is ``prob=0.25, area=(0.02, 1/3),
    fill="noise", law="log", tries=10``.

    Example:
        >>> images, labels = torch.zeros(4, 3, 8, 8), torch.arange(4)
        >>> rng = torch.Generator().manual_seed(0)
        >>> mix = random_erasing(prob=0.25, fill="noise").draw(images, labels, None, rng)
        >>> mix.weight[0].tolist()  # the label stays
        [1.0, 0.0]
    """
    return Erase(Rectangle(area, aspect, law, tries), fill, prob)


ROW = Method(
    "random_erasing",
    "Random Erasing",
    "random_erasing",
    "Zhong et al., Random Erasing Data Augmentation, AAAI 2020, arXiv:1708.04896",
    2020,
    {
        "default": {"prob": 0.5},
        "deit": {
            "prob": 0.25,
            "area": (0.02, 1 / 3),
            "fill": "noise",
            "law": "log",
            "tries": 10,
        },
    },
    status="defined",
)
