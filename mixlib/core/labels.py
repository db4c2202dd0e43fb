"""Label rules: the loss of a mixed batch from its mix, its logits and its labels (AutoMix eq. 2).

Every rule honors per-sample weights and any number of sources.  ``y`` is int64 [B]; the label of
output b is sum_k weight[b, k] * onehot(y[source[b, k]]).  Where a mix brings labels of its own
(``Mix.labels``, rows over the classes), they stand for onehot(y); so do rows [B, Y] in the place of
``y`` where it brings none.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from mixlib.core.mix import Mix
from mixlib.core.net import Net

ROW_TOLERANCE = 0.02  # of the sum of a soft label, which half precision rounds


class LabelRule(ABC):
    """A loss of a mixed batch.  ``taps`` names the sites it wants to see (attention-based
    rules).

    Example:
        >>> from mixlib.core.mix import identity
        >>> class OwnLabel(LabelRule):  # the image's own label, however it was mixed
        ...     def __call__(self, mix, logits, seen, y):
        ...         return F.cross_entropy(logits, y)
        >>> round(float(OwnLabel()(identity(2), torch.zeros(2, 4), {}, torch.tensor([0, 3]))), 4)
        1.3863
    """

    taps: tuple[str, ...] = ()

    def __init_subclass__(cls, **words: Any) -> None:
        """Every rule takes rows over the classes for class indices, see :func:`_of_rows`."""
        super().__init_subclass__(**words)
        if "__call__" in cls.__dict__ and not getattr(cls.__call__, "__isabstractmethod__", False):
            cls.__call__ = _of_rows(cls.__call__)  # type: ignore[method-assign]

    def bound(self, net: Net) -> LabelRule:
        """The same rule for this network: one that reads its tensors learns here how they lie."""
        return self

    @abstractmethod
    def __call__(
        self,
        mix: Mix,
        logits: Float[Tensor, "B Y"],
        seen: Mapping[str, Tensor],
        y: Int[Tensor, " B"],
    ) -> Float[Tensor, ""]:
        """Mean loss of the batch."""


def _of_rows(call: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The same rule: rows over the classes become the labels of the mix, unless it has its own, and
    class indices are looked at."""

    @wraps(call)
    def called(
        self: LabelRule, mix: Mix, logits: Tensor, seen: Mapping[str, Tensor], y: Tensor
    ) -> Tensor:
        if y.ndim == 2:
            if mix.labels is None:
                mix = replace(mix, labels=y.to(mix.weight))
            y = y.argmax(1)
        elif mix.labels is None:
            check_indices(y, logits.shape[1])
        return call(self, mix, logits, seen, y)

    return called


def check_indices(y: Int[Tensor, " B"], classes: int) -> None:
    """Refuses class indices that are none.  On the CPU only: looking at a GPU's would mean to wait
    for it, and its kernels assert the same.

    Raises:
        ValueError: an index below 0 or not below ``classes``.

    Example:
        >>> check_indices(torch.tensor([0, 5]), 5)
        Traceback (most recent call last):
        ValueError: labels must be class indices from 0 to 4 for 5 classes, found 5
    """
    if y.device.type != "cpu" or torch.compiler.is_compiling():
        return
    low, high = (int(end) for end in y.aminmax())
    if low < 0 or high >= classes:
        raise ValueError(
            f"labels must be class indices from 0 to {classes - 1} for {classes} classes, found "
            f"{low if low < 0 else high}"
        )


def check_rows(rows: Float[Tensor, "B Y"]) -> None:
    """Refuses rows that are no distribution over the classes, as those of several labels an image
    are not.  On the CPU only, as :func:`check_indices`.

    Raises:
        ValueError: a row that does not sum to one.

    Example:
        >>> check_rows(torch.tensor([[1.0, 1.0, 0.0]]))  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ValueError: a softmax cross-entropy needs labels that sum to one, found a row with sum 2...
    """
    if rows.device.type != "cpu" or torch.compiler.is_compiling():
        return
    total = rows.detach().sum(1)
    off = (total - 1).abs()
    if not bool((off < ROW_TOLERANCE).all()):
        raise ValueError(
            "a softmax cross-entropy needs labels that sum to one, found a row with sum "
            f"{float(total[off.argmax()]):g}: for several labels an image take "
            'BinaryCrossEntropy(), targets="multilabel"'
        )


def soft_targets(
    mix: Mix, y: Int[Tensor, " B"], classes: int, smoothing: float = 0.0
) -> Float[Tensor, "B Y"]:
    """Mixed labels as rows over the classes, each label smoothed first (off value smoothing /
    classes).

    Raises:
        ValueError: the mix brings labels over another number of classes, or smoothing is no share.

    Example:
        >>> from mixlib.core.mix import pair
        >>> mix = pair(torch.tensor([1, 0]), None, torch.tensor([0.75, 0.75]))
        >>> soft_targets(mix, torch.tensor([0, 2]), classes=3).tolist()
        [[0.75, 0.0, 0.25], [0.25, 0.0, 0.75]]
    """
    if not 0 <= smoothing <= 1:
        raise ValueError(f"expected a smoothing in [0, 1], found {smoothing}")
    if mix.labels is None:
        check_indices(y, classes)
        rows = torch.zeros(len(y), classes, device=y.device)
        rows.scatter_add_(1, y[mix.source], mix.weight)
    else:
        rows = torch.einsum("bk,bky->by", mix.weight, own_labels(mix.labels, classes)[mix.source])
    if smoothing:
        rows = rows * (1 - smoothing) + mix.weight.sum(1, keepdim=True) * smoothing / classes
    return rows


def own_labels(labels: Float[Tensor, "B Y"], classes: int) -> Float[Tensor, "B Y"]:
    """The labels that a mix brings, checked and in float32.

    Raises:
        ValueError: they are over another number of classes.
    """
    if labels.shape[1] != classes:
        raise ValueError(
            f"expected {classes} classes, the soft labels have {labels.shape[1]}: the network in "
            "training and whoever made the labels must name the same classes"
        )
    return labels.float()


@dataclass(frozen=True)
class CrossEntropy(LabelRule):
    """sum_k weight_k * CE(logits, y_k): mixup cross-entropy (AutoMix eq. 2), per sample.

    Example:
        >>> from mixlib.core.mix import identity
        >>> loss = CrossEntropy()(identity(2), torch.zeros(2, 4), {}, torch.tensor([0, 3]))
        >>> round(float(loss), 4)  # log 4
        1.3863
    """

    smoothing: float = 0.0

    def __call__(
        self,
        mix: Mix,
        logits: Float[Tensor, "B Y"],
        seen: Mapping[str, Tensor],
        y: Int[Tensor, " B"],
    ) -> Float[Tensor, ""]:
        log_p = F.log_softmax(logits.float(), dim=1)
        if mix.labels is None:
            picked = log_p.gather(1, y[mix.source])
        else:
            rows = own_labels(mix.labels, logits.shape[1])
            check_rows(rows)
            picked = torch.einsum("bky,by->bk", rows[mix.source], log_p)
        loss = -(mix.weight * picked).sum(1)
        if self.smoothing:
            even = -(mix.weight.sum(1) * log_p.mean(1))
            loss = (1 - self.smoothing) * loss + self.smoothing * even
        return loss.mean()


@dataclass(frozen=True)
class BinaryCrossEntropy(LabelRule):
    """One sigmoid per class (RSB A2/A3).

    Args:
        target: "share" keeps the label weights; "two-hot" asks for every source present with a full
            1 (timm's binarized targets), which a soft label has no meaning for.
        smoothing: as in :func:`soft_targets`; two-hot targets have none.
        reduction: "mean" over samples and classes, or "sum" over classes and mean over samples.

    Raises:
        ValueError: smoothed two-hot targets.

    Example:
        >>> from mixlib.core.mix import identity
        >>> loss = BinaryCrossEntropy()(identity(2), torch.zeros(2, 4), {}, torch.tensor([0, 3]))
        >>> round(float(loss), 4)  # log 2
        0.6931
    """

    target: Literal["share", "two-hot"] = "share"
    smoothing: float = 0.0
    reduction: Literal["mean", "sum"] = "mean"

    def __post_init__(self) -> None:
        if self.target == "two-hot" and self.smoothing:
            raise ValueError(
                f"two-hot targets are 0 and 1: expected smoothing 0, found {self.smoothing}"
            )

    def __call__(
        self,
        mix: Mix,
        logits: Float[Tensor, "B Y"],
        seen: Mapping[str, Tensor],
        y: Int[Tensor, " B"],
    ) -> Float[Tensor, ""]:
        rows = soft_targets(mix, y, logits.shape[1], self.smoothing)
        if self.target == "two-hot":
            if mix.labels is not None:
                raise ValueError(
                    "two-hot targets need class indices, this mix brings soft labels: use "
                    'BinaryCrossEntropy(target="share")'
                )
            rows = (soft_targets(mix, y, logits.shape[1]) > 0).to(rows.dtype)
        loss = F.binary_cross_entropy_with_logits(logits.float(), rows, reduction="mean")
        return loss if self.reduction == "mean" else loss * logits.shape[1]
