"""Shapes of a call: how a library takes a batch, and what it returns.

| feed | called as |
|---|---|
| batch | ``call(images, labels)`` |
| tuple | ``call((images, labels))`` |
| collate | ``call([(image, label), ...])`` |
| dict | ``call({"images": images, "labels": labels})`` |
| generator | ``call(images, labels, torch.Generator)`` |

| targets | what comes back beside the images |
|---|---|
| soft | rows over the classes, [B, Y] |
| index | class indices [B] |
| pair | labels of both images and the share of the first: ``(y_a, y_b, lam)``, in a tuple or flat |
| partner | kornia's [.., B, 3]: own label, partner's label, share of the *partner* |
| own | the same with the share of the own image (kornia's CutMix with ``use_correct_lambda``) |
| method | an object with ``.images`` and ``.targets(classes)``, as mixlib's mixers return |
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

Feed = Literal["batch", "tuple", "collate", "dict", "generator"]
Targets = Literal["auto", "soft", "index", "pair", "partner", "own", "method"]
DTYPES = {
    name: getattr(torch, name) for name in ("float16", "bfloat16", "float32", "float64", "uint8")
}


class NotUnderstood(Exception):
    """What came back fits no known shape; says what was expected and what was found."""


@dataclass(frozen=True)
class Form:
    """The shape of one library's call.

    Attributes:
        feed: how the batch is handed over.
        labels: "index" (int64 [B]), "onehot" (float32 [B, Y]) or "float" (class indices in the
            images' dtype, as kornia takes them).
        targets: what comes back; "auto" recognizes it at the first call.
        layout: order of the axes of a batch, "nchw" or "nhwc".
        arrays: "torch" or "numpy".
        dtype: of the images; uint8 images are scaled to 255.
        keys: of images and labels, for ``feed="dict"``.

    Raises:
        ValueError: an unknown word.

    Example:
        >>> Form("dict", labels="onehot", layout="nhwc", arrays="numpy").scale
        1.0
    """

    feed: Feed = "batch"
    labels: Literal["index", "onehot", "float"] = "index"
    targets: Targets = "auto"
    layout: Literal["nchw", "nhwc"] = "nchw"
    arrays: Literal["torch", "numpy"] = "torch"
    dtype: str = "float32"
    keys: tuple[str, str] = ("images", "labels")

    def __post_init__(self) -> None:
        known = {
            "feed": ("batch", "tuple", "collate", "dict", "generator"),
            "labels": ("index", "onehot", "float"),
            "targets": ("auto", "soft", "index", "pair", "partner", "own", "method"),
            "layout": ("nchw", "nhwc"),
            "arrays": ("torch", "numpy"),
            "dtype": tuple(DTYPES),
        }
        for name, words in known.items():
            if getattr(self, name) not in words:
                raise ValueError(
                    f"{name} must be one of {', '.join(words)}, got {getattr(self, name)!r}"
                )

    @property
    def scale(self) -> float:
        """Value of a full pixel."""
        return 255.0 if self.dtype == "uint8" else 1.0


@dataclass(frozen=True)
class Fed:
    """A batch as it is handed over.

    Attributes:
        args: of the call.
        images, labels: what ``args`` are made of, to be compared after the call.
    """

    args: tuple[Any, ...]
    images: Any
    labels: Any


def feed(
    form: Form, images: Tensor, labels: Tensor, classes: int, rng: torch.Generator | None
) -> Fed:
    """A fresh copy of the batch in the form that the call takes.

    Args:
        form: of the call.
        images: [B, C, H, W] in the form's dtype.
        labels: int64 [B].
        classes: length of a one-hot label.
        rng: handed over if the form asks for one.
    """
    held = images.permute(0, 2, 3, 1) if form.layout == "nhwc" else images
    held = held.contiguous().clone()
    marks = labels.clone()
    if form.labels == "onehot":
        marks = torch.nn.functional.one_hot(labels, classes).float()
    elif form.labels == "float":
        marks = labels.to(images.dtype)
    x, y = (held.numpy(), marks.numpy()) if form.arrays == "numpy" else (held, marks)
    match form.feed:
        case "batch":
            args: tuple[Any, ...] = (x, y)
        case "tuple":
            args = ((x, y),)
        case "dict":
            args = ({form.keys[0]: x, form.keys[1]: y},)
        case "generator":
            args = (x, y, rng)
        case "collate":
            # a dataset yields Python's integers
            items = labels.tolist() if form.labels == "index" else list(y)
            args = (list(zip(list(x), items, strict=True)),)
    return Fed(args, x, y)


def unpack(form: Form, result: Any, classes: int) -> tuple[Any, Any]:
    """Images and targets of a result, as they came.

    Raises:
        NotUnderstood: the result has another shape.
    """
    if form.targets == "method":
        return result.images, result.targets(classes)
    if form.feed == "dict":
        try:
            return result[form.keys[0]], result[form.keys[1]]
        except (KeyError, TypeError, IndexError):
            raise NotUnderstood(
                f"expected a dict with {form.keys[0]!r} and {form.keys[1]!r}, got {_kind(result)}"
            ) from None
    if not isinstance(result, (tuple, list)) or len(result) < 2:
        raise NotUnderstood(f"expected (images, targets), got {_kind(result)}")
    if len(result) >= 4 and form.targets in ("pair", "auto"):
        return result[0], tuple(result[1:4])
    return result[0], result[1]


def recognized(form: Form, result: Any, classes: int) -> Form:
    """The form with its targets' shape filled in from a first result.

    Raises:
        NotUnderstood: the shape is not known; names what was found.
    """
    if form.targets != "auto":
        return form
    if not isinstance(result, (tuple, list, dict)):
        return replace(form, targets="method")
    targets = unpack(form, result, classes)[1]
    if isinstance(targets, (tuple, list)):
        if len(targets) == 3:
            return replace(form, targets="pair")
        raise NotUnderstood(f"expected targets (y_a, y_b, lam), got {_kind(targets)}")
    shape = np.shape(array(targets))
    if len(shape) == 1:
        return replace(form, targets="index")
    if shape[-1] == 3 and classes != 3:
        return replace(form, targets="partner")
    if len(shape) == 2:
        return replace(form, targets="soft")
    raise NotUnderstood(
        f"expected targets [B, {classes}], [B] or (y_a, y_b, lam), got shape {shape}"
    )


def array(value: Any) -> np.ndarray:
    """Any library's tensor on the host; half precision becomes float32."""
    if isinstance(value, Tensor):
        value = value.detach().cpu()
        half = value.dtype in (torch.float16, torch.bfloat16)
        return (value.float() if half else value).numpy()
    return np.asarray(value)


def image_array(form: Form, images: Any) -> np.ndarray:
    """Images of a result as float32 [B, C, H, W], a full pixel being 1.

    Raises:
        NotUnderstood: not four axes.
    """
    found = array(images)
    if found.ndim != 4:
        raise NotUnderstood(f"expected images with 4 axes, got shape {found.shape}")
    if form.layout == "nhwc":
        found = found.transpose(0, 3, 1, 2)
    found = found.astype(np.float32, copy=False)
    return found / np.float32(form.scale) if form.scale != 1 else found


@dataclass(frozen=True)
class Shares:
    """Label shares of a batch.

    Attributes:
        weight: [B, B], share of the label of every input sample.
        total: [B], sum of a row of the targets.
        off: value at the classes that no sample has (label smoothing / classes).
    """

    weight: np.ndarray
    total: np.ndarray
    off: float


def shares(form: Form, targets: Any, labels: np.ndarray, classes: int) -> Shares:
    """Label shares by source, from targets in the form's shape.

    Args:
        form: with its targets recognized.
        targets: as they came.
        labels: int64 [B], distinct: class of every input sample.
        classes: length of a soft label.

    Raises:
        NotUnderstood: another shape than the form says.
    """
    return _READERS[form.targets](targets, labels, classes)


def _soft(targets: Any, labels: np.ndarray, classes: int) -> Shares:
    rows = array(targets)
    if rows.ndim != 2 or rows.shape[1] != classes:
        raise NotUnderstood(f"expected targets [B, {classes}], got shape {rows.shape}")
    rows = rows.astype(np.float64)
    total = rows.sum(1)
    unused = classes - len(labels)
    on_samples = rows[:, labels]
    off = float((total - on_samples.sum(1)).mean()) / unused if unused else 0.0
    # smoothing takes (1 - classes * off) of a label; far outside of that it is no smoothing
    left = 1 - classes * off
    weight = (on_samples - off) / left if left > 0.1 else on_samples
    return Shares(weight, total, off)


def _sources(labels: np.ndarray, classes: int) -> np.ndarray:
    found = np.full(classes + 1, -1)
    found[labels] = np.arange(len(labels))
    return found


def _parts(
    named: list[np.ndarray], parts: list[np.ndarray], labels: np.ndarray, classes: int
) -> Shares:
    batch = len(named[0])
    weight = np.zeros((batch, len(labels)))
    total = np.zeros(batch)
    known = _sources(labels, classes)
    for names, share in zip(named, parts, strict=True):
        source = known[np.clip(np.rint(names).astype(np.int64), -1, classes)]
        there = source >= 0
        np.add.at(weight, (np.flatnonzero(there), source[there]), share[there])
        total += share
    return Shares(weight, total, 0.0)


def _index(targets: Any, labels: np.ndarray, classes: int) -> Shares:
    names = array(targets).reshape(-1)
    return _parts([names], [np.ones(len(names))], labels, classes)


def _pair(targets: Any, labels: np.ndarray, classes: int) -> Shares:
    first, second = (array(part) for part in targets[:2])
    if first.ndim == 2:
        first, second = first.argmax(1), second.argmax(1)
    lam = array(targets[2]).astype(np.float64).reshape(-1)
    own = np.broadcast_to(lam, first.shape) if lam.size == 1 else lam
    return _parts([first, second], [own, 1 - own], labels, classes)


def _partner(targets: Any, labels: np.ndarray, classes: int) -> Shares:
    rows = array(targets).astype(np.float64)
    if rows.shape[-1] != 3:
        raise NotUnderstood(f"expected targets [.., B, 3], got shape {rows.shape}")
    rows = rows.reshape(-1, *rows.shape[-2:])
    if len(rows) != 1:
        raise NotUnderstood("several partners per sample cannot be told apart from outside")
    own, other, share = rows[0].T
    return _parts([own, other], [1 - share, share], labels, classes)


def _own(targets: Any, labels: np.ndarray, classes: int) -> Shares:
    rows = array(targets).astype(np.float64)
    return _partner(rows * [1, 1, -1] + [0, 0, 1], labels, classes)


_READERS: dict[str, Callable[[Any, np.ndarray, int], Shares]] = {
    "soft": _soft,
    "method": _soft,
    "index": _index,
    "pair": _pair,
    "partner": _partner,
    "own": _own,
}


def _kind(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        inner = ", ".join(type(part).__name__ for part in value)
        return f"{type(value).__name__}({inner})"
    return type(value).__name__
