"""Batches as they come in at the door: what can be mixed, and what is refused with its remedy."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

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


# what loaders call the two; the first of these that a mapping has
IMAGES = ("pixel_values", "images", "image", "img", "inputs", "input", "x")
LABELS = ("labels", "label", "targets", "target", "y", "class_labels")

Path = tuple[str | int, ...]


def paths_of(batch: object, keys: tuple[str, str] | None = None) -> tuple[Path, Path]:
    """Where images and labels lie in a batch: a pair, a mapping, or either of them nested.

    Args:
        batch: (images, labels, ...), a mapping with names of :data:`IMAGES` and :data:`LABELS`, or
            containers of such.
        keys: where they lie instead, as dotted paths ("inputs.image", "meta.0").

    Raises:
        KeyError: the keys lead nowhere.
        TypeError: nothing like it was found; lists what there is.

    Example:
        >>> paths_of({"views": {"image": torch.zeros(2, 3, 4, 4)}, "label": torch.zeros(2)})
        (('views', 'image'), ('label',))
    """
    if keys is not None:
        found = tuple(tuple(int(k) if k.isdigit() else k for k in key.split(".")) for key in keys)
        for path in found:
            taken(batch, path)
        return found[0], found[1]
    if _is_row(batch) and len(batch) >= 2 and not _is_row(batch[1]):
        images = _named(batch[0], IMAGES, ("0",))
        labels = _named(batch[1], LABELS, ("1",))
    else:
        images, labels = _named(batch, IMAGES, ()), _named(batch, LABELS, ())
    if images is None or labels is None:
        what = "images" if images is None else "labels"
        raise TypeError(
            f"expected (images, labels, ...) as tensors, or a mapping that names them, got "
            f"{type(batch).__name__} {_leaves(batch)} without {what}: say where they lie in the "
            'batch, keys=("image", "label"), or pass the two'
        )
    return _as_path(images), _as_path(labels)


def taken(batch: Any, path: Path) -> Any:
    """The entry at a path.

    Example:
        >>> taken({"a": [1, 2]}, ("a", 1))
        2
    """
    for key in path:
        try:
            batch = batch[key]
        except (KeyError, IndexError, TypeError):
            raise KeyError(
                f"no {'.'.join(map(str, path))!r} in the batch: it holds {_leaves(batch)}"
            ) from None
    return batch


def replaced(batch: Any, path: Path, value: Any) -> Any:
    """The same batch with another entry at a path; the given one stays as it is.

    Example:
        >>> replaced({"a": (1, 2)}, ("a", 1), 3)
        {'a': (1, 3)}
    """
    if not path:
        return value
    key, rest = path[0], path[1:]
    inner = replaced(batch[key], rest, value)
    if isinstance(batch, tuple):
        assert isinstance(key, int)
        parts = (*batch[:key], inner, *batch[key + 1 :])
        return type(batch)(*parts) if hasattr(batch, "_fields") else parts
    out = copy.copy(batch)
    out[key] = inner
    return out


def _is_row(value: object) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _as_path(path: tuple[str, ...]) -> Path:
    return tuple(int(key) if key.isdigit() else key for key in path)


def _named(batch: object, names: Sequence[str], at: tuple[str, ...]) -> tuple[str, ...] | None:
    """The first tensor under one of these names, outer ones first; a tensor where one is expected
    is it."""
    if isinstance(batch, Tensor):
        return at if at else None
    if not isinstance(batch, Mapping):
        return None
    for name in names:
        if isinstance(batch.get(name), Tensor):
            return (*at, name)
    inside = (_named(value, names, (*at, str(key))) for key, value in batch.items()
              if isinstance(value, Mapping))  # fmt: skip
    return next((path for path in inside if path is not None), None)


def _leaves(batch: object) -> str:
    """What a container holds, for messages."""
    if isinstance(batch, Mapping):
        return "{" + ", ".join(f"{key}: {type(v).__name__}" for key, v in batch.items()) + "}"
    if _is_row(batch):
        return "[" + ", ".join(type(v).__name__ for v in batch) + "]"
    return type(batch).__name__
