"""Evaluation of a classifier: top-1, top-5 and mean loss over a dataset, and the accuracy on mixed
samples (AutoMix, Figure 4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from mixlib.core.net import inference


def accuracy(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    total: Callable[[Tensor], Tensor] = lambda sums: sums,
) -> dict[str, float]:
    """Evaluates a classifier in evaluation mode and puts it back.

    Args:
        model: images [B, C, H, W] -> logits [B, Y].
        batches: pairs of images [B, C, H, W] and labels int64 [B].
        total: adds the sums of all processes that share a dataset; one process has them already.

    Returns:
        ``top1`` and ``top5`` in percent, ``test_loss`` (mean cross-entropy), ``n`` (images seen).

    Raises:
        ValueError: there is no image at all.

    Example:
        >>> batch = torch.eye(3)[:, :, None, None], torch.tensor([0, 1, 0])
        >>> round(accuracy(nn.Flatten(), [batch])["top1"], 1)
        66.7
    """
    totals: Tensor | None = None
    with inference(model):
        for x, y in batches:
            logits = model(x).float()
            best = logits.topk(min(5, logits.shape[1]), dim=1).indices == y[:, None]
            sums = torch.stack(
                [
                    best[:, 0].sum(),
                    best.sum(),
                    F.cross_entropy(logits, y, reduction="sum"),
                    torch.tensor(float(len(y)), device=y.device),
                ]
            )
            totals = sums if totals is None else totals + sums
    if totals is None:
        raise ValueError("expected at least one image to evaluate on, found an empty dataset")
    top1, top5, loss, n = total(totals).tolist()
    return {"top1": 100 * top1 / n, "top5": 100 * top5 / n, "test_loss": loss / n, "n": n}


class MixedHits(NamedTuple):
    """Which mixed samples were recognized, bool [B] each.

    ``top1``: the best class is one of the two sources'; ``top2``: the two best classes are the two
    sources', in any order; ``distinct``: the sources differ in class.  Where they do not, ``top2``
    is False and means nothing: leave such pairs out of its average.
    """

    top1: Bool[Tensor, " B"]
    top2: Bool[Tensor, " B"]
    distinct: Bool[Tensor, " B"]


def mixed_hits(
    logits: Float[Tensor, "B Y"], own: Int[Tensor, " B"], partner: Int[Tensor, " B"]
) -> MixedHits:
    """Top-1 and top-2 hits on mixed samples as AutoMix defines them (Figure 4, right).

    Args:
        logits: of the mixed samples, at least two classes.
        own, partner: labels of the two sources.

    Example:
        >>> logits = torch.tensor([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0]])
        >>> hits = mixed_hits(logits, torch.tensor([1, 2]), torch.tensor([0, 0]))
        >>> hits.top1.tolist(), hits.top2.tolist()
        ([True, True], [True, False])
    """
    distinct = own != partner
    best = logits.topk(2, dim=1).indices
    is_own, is_partner = best == own[:, None], best == partner[:, None]
    top1 = is_own[:, 0] | is_partner[:, 0]
    return MixedHits(top1, is_own.any(1) & is_partner.any(1) & distinct, distinct)
