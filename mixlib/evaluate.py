"""How good is a classifier?  Top-1 and top-5 accuracy and the mean loss over a data set."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mixlib.net import inference


def accuracy(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    total: Callable[[Tensor], Tensor] = lambda sums: sums,
) -> dict[str, float]:
    """Evaluates a classifier in evaluation mode and puts it back.

    Args:
        model: images [B, C, H, W] -> logits [B, Y].
        batches: pairs of images [B, C, H, W] and labels int64 [B].
        total: adds the sums of all processes that share a data set; one process has them already.

    Returns:
        ``top1`` and ``top5`` in percent, ``loss`` (mean cross-entropy), ``n`` (images seen).

    Raises:
        ValueError: there is no image at all.
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
        raise ValueError("expected at least one image to evaluate on, found an empty data set")
    top1, top5, loss, n = total(totals).tolist()
    return {"top1": 100 * top1 / n, "top5": 100 * top5 / n, "loss": loss / n, "n": n}
