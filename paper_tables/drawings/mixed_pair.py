"""Two images mixed by any method: whose pixel is where, and the label weights."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mixlib.core.boxes import Boxes
from mixlib.core.mix import Mix, blend

CUT = "box cut at the border"
BY_AREA = "label by area"
NOT_ONE = "weights need not sum to 1"
CLOSE = 0.01  # numbers that are printed with two decimals and differ by less are the same


@dataclass(frozen=True)
class MixedImage:
    """One mixed image.

    Attributes:
        image: [3, H, W], in the values of the images that were mixed.
        shares: [3, H, W], per pixel the share of the own image, the partner and neither (a fill).
        weights: label shares of the own image and of the partner.
        notes: what the picture cannot show.
        at_lambda: whether lambda was as asked; False for methods that have a law of their own.
    """

    image: Tensor
    shares: Tensor
    weights: tuple[float, float]
    notes: tuple[str, ...] = ()
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
    for k, (source, weight) in enumerate(zip(mix.source[0], mix.weight[0].detach(), strict=True)):
        made = mix.parts is not None and mix.parts[k] is not None
        # content that earns no label and comes from no image: a fill
        place = 2 if made and k > 0 and not float(weight) else int(source)
        shares[place] += mask[k]
        weights[int(source)] += float(weight)
    image = blend(mix, pair)[0].detach()
    return MixedImage(image, shares.detach(), (weights[0], weights[1]))


def label_notes(mix: Mix, made: MixedImage, lam: float | None = None) -> tuple[str, ...]:
    """Why the label weights are not lambda and 1 - lambda, where they are not.

    Args:
        mix: of a batch of two.
        made: its first image.
        lam: the lambda that was asked for; None: the method has a law of its own.

    Example:
        >>> from mixlib.core.mix import pair
        >>> mix = pair(torch.tensor([1, 0]), torch.ones(2, 8, 8), torch.ones(2))
        >>> label_notes(mix, mixed_image(mix, torch.zeros(2, 3, 8, 8)), lam=0.5)
        ('label by area',)
    """
    own, partner = made.weights
    if abs(own + partner - 1) > CLOSE:
        return (NOT_ONE,)
    # a label by content may come near to the area, not to its last digits
    by_area = abs(own - float(made.shares[0].mean())) < CLOSE / 100
    if lam is None or abs(own - lam) < CLOSE or not by_area:
        return ()
    return (CUT, BY_AREA) if _cut(mix, lam) else (BY_AREA,)


def _cut(mix: Mix, lam: float) -> bool:
    """Whether the first image's box ends at the border and has a side that is shorter than asked
    for, by more than the cell that rounding and odd sides cost."""
    if not isinstance(mix.mask, Boxes):
        return False
    top, left, height, width = mix.mask.edges[0].tolist()
    side = (1 - lam) ** 0.5
    spans = zip((top, left), (height, width), mix.mask.size, strict=True)
    return any(
        (start == 0 or start + extent == length) and extent < int(side * length) - 1
        for start, extent, length in spans
    )
