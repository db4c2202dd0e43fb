"""Two images mixed by any method: whose pixel is where, and the label weights."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mixlib.core.mix import Mix, blend


@dataclass(frozen=True)
class MixedImage:
    """One mixed image.

    Attributes:
        image: [3, H, W], in the values of the images that were mixed.
        shares: [3, H, W], per pixel the share of the own image, the partner and neither (a fill).
        weights: label shares of the own image and of the partner.
        note: what the picture cannot show, or "".
        at_lambda: whether lambda was as asked; False for methods that have a law of their own.
    """

    image: Tensor
    shares: Tensor
    weights: tuple[float, float]
    note: str = ""
    at_lambda: bool = True


def mixed_image(mix: Mix, pair: Tensor) -> MixedImage:
    """What a mix does to the first image of a pair.

    Args:
        mix: of a batch of two.
        pair: [2, 3, H, W].
    """
    size = (pair.shape[2], pair.shape[3])
    mask = mix.dense(size)[0].expand(-1, *size)
    shares = torch.zeros(3, *size)
    weights = [0.0, 0.0]
    for k, (source, weight) in enumerate(zip(mix.source[0], mix.weight[0], strict=True)):
        made = mix.parts is not None and mix.parts[k] is not None
        # content that earns no label and comes from no image: a fill
        place = 2 if made and k > 0 and not float(weight) else int(source)
        shares[place] += mask[k]
        weights[int(source)] += float(weight)
    image = blend(mix, pair)[0].detach()
    return MixedImage(image, shares.detach(), (weights[0], weights[1]))
