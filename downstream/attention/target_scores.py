"""Label shares of a mixed image by content and by area (TokenMix, Figure 6; section 3.3).

CutMix labels by area: the share of pixels that each source keeps. TokenMix labels by content: the
share of each source's attention that is still to be seen. Half an image may show all or nothing of
its object.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from downstream.errors import InputError


@dataclass(frozen=True, eq=False)
class TargetScores:
    """Label shares [B, 2] of the sources (own, partner) of B mixed images.

    Attributes:
        area: CutMix': they sum to one.
        content: TokenMix': they need not.
    """

    area: Tensor
    content: Tensor


def target_scores(mask: Tensor, own: Tensor, partner: Tensor) -> TargetScores:
    """Scores the two sources of mixed images.

    Args:
        mask: share of each patch that shows the own image, [B, h, w] in [0, 1].
        own, partner: attention maps [B, h, w] of the clean sources, nonnegative.

    Raises:
        InputError: other shapes, a mask outside [0, 1], or a map that is not finite, negative or
            empty.

    Example:
        >>> import torch
        >>> mask = torch.tensor([[[1.0, 0.0]]])
        >>> found = target_scores(mask, torch.tensor([[[3.0, 1.0]]]), torch.tensor([[[1.0, 3.0]]]))
        >>> found.area.tolist(), found.content.tolist()
        ([[0.5, 0.5]], [[0.75, 0.75]])
    """
    if not mask.shape == own.shape == partner.shape or mask.dim() != 3:
        raise InputError(
            f"expected a mask and two maps of one shape [B, h, w], found {list(mask.shape)}, "
            f"{list(own.shape)} and {list(partner.shape)}"
        )
    if not ((mask >= 0) & (mask <= 1)).all():
        raise InputError("expected a mask in [0, 1], found other values or NaN")
    for maps in (own, partner):
        if not (torch.isfinite(maps).all() and (maps >= 0).all() and maps.sum((1, 2)).all()):
            raise InputError(
                "expected attention maps that are finite, not negative and not empty: look at the "
                "network that they come from"
            )
    kept = torch.stack([mask, 1 - mask], 1)
    maps = torch.stack([own, partner], 1)
    maps = maps / maps.sum((2, 3), keepdim=True)
    return TargetScores(kept.mean((2, 3)), (kept * maps).sum((2, 3)))
