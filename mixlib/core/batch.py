"""Batches as they come in at the door: what can be mixed, and what is refused with its remedy."""

from __future__ import annotations

import torch
from torch import Tensor


def check_batch(images: object, labels: object) -> None:
    """Refuses what cannot be mixed; every mixer, adapter and training objective asks here.

    Args:
        images: expected floating point [B, C, H, W].
        labels: expected int64 [B], or rows [B, Y] over the classes.

    Raises:
        TypeError: no tensors, images that are not floating point, or class indices that are not
            whole numbers of a type that indexes.
        ValueError: no image, shapes that do not fit together, or class indices [B, 1].

    Example:
        >>> check_batch(torch.zeros(2, 3, 8, 8), torch.tensor([[0], [1]]))
        Traceback (most recent call last):
        ValueError: labels [2, 1] of integers are class indices: squeeze them, labels.squeeze(1)
    """
    if not isinstance(images, Tensor) or not isinstance(labels, Tensor):
        name, given = ("labels", labels) if isinstance(images, Tensor) else ("images", images)
        raise TypeError(
            f"expected {name} as a tensor, got {type(given).__name__}: torch.as_tensor makes one "
            "of numbers"
        )
    if not images.is_floating_point():
        raise TypeError(
            f"images are {images.dtype}, expected floating point: weighted sums of integers would "
            "be cut off; convert them first, e.g. images.float() / 255"
        )
    if images.ndim != 4:
        raise ValueError(f"expected images [B, C, H, W], got {tuple(images.shape)}")
    if not len(images):
        raise ValueError("expected at least one image, got an empty batch: leave it out")
    if labels.ndim not in (1, 2) or labels.shape[0] != images.shape[0]:
        raise ValueError(
            f"expected labels [{len(images)}] or [{len(images)}, classes] for {len(images)} "
            f"images, got {tuple(labels.shape)}"
        )
    if labels.ndim == 1 and labels.dtype != torch.int64:
        raise TypeError(
            f"labels [B] are class indices, expected integers of 64 bits, got {labels.dtype}: "
            "labels.long()"
        )
    if labels.ndim == 2 and labels.shape[1] == 1 and not labels.is_floating_point():
        raise ValueError(
            f"labels [{len(labels)}, 1] of integers are class indices: squeeze them, "
            "labels.squeeze(1)"
        )
