"""One-hot batches sent through a mixing function, and what came back.

Sample b is 1 in channel b and 0 elsewhere, so channel s of an output is the mask of source s.
Labels are distinct classes in a random order that changes from call to call: a label's source is
known, and no position of a batch goes with a class.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mixlib.audit.claims import Size
from mixlib.audit.forms import DTYPES, Form, feed, image_array, shares, unpack
from mixlib.seed import derive, generator

CLOSE = 32
_LAYOUTS = 16


@dataclasses.dataclass(frozen=True)
class Setup:
    """One series of equal calls.

    Attributes:
        name: of the series; part of its seed.
        batch: samples in a batch.
        size: height and width.
        calls: how many.
        classes: of a soft label.
        channels: of an image, at least ``batch``.
        texture: pixels lie between a half and one instead of at one.
    """

    name: str
    batch: int
    size: Size
    calls: int
    classes: int
    channels: int
    texture: bool = False


@dataclasses.dataclass(frozen=True)
class Trial:
    """What a series of calls gave.

    Attributes:
        setup: of the series.
        pixels: [n, B, B], share of the pixels of every output by source.
        weights: [n, B, B], share of the label.
        totals: [n, B], sum of a row of the targets.
        off: [n], value at the classes of no sample.
        masks: [n, R, h, w], own masks of some rows.
        rows: [n, R], which.
        outputs: the first few outputs whole, [m, B, C, h, w], a full pixel being 1.
        touched: what of the caller's batch was changed by a call ("images", "labels").
        dtypes: of images and targets, as names.
        scale: of a full pixel, as fed.
    """

    setup: Setup
    pixels: np.ndarray
    weights: np.ndarray
    totals: np.ndarray
    off: np.ndarray
    masks: np.ndarray
    rows: np.ndarray
    outputs: np.ndarray
    touched: tuple[str, ...]
    dtypes: tuple[str, str]
    scale: float

    @property
    def tolerance(self) -> float:
        """Error of a share that rounding in this dtype may cause."""
        return 1.5 / 255 if self.scale == 255 else _TOLERANCES.get(self.dtypes[0], 1e-4)


_TOLERANCES = {"float16": 4e-3, "bfloat16": 2e-2}


class WrongShape(Exception):
    """Images came back in another shape than they went in."""


def one_hot_batch(setup: Setup, form: Form, seed: int) -> Tensor:
    """The batch [B, C, H, W] in the form's dtype."""
    shape = (setup.batch, setup.channels, *setup.size)
    images = torch.zeros(shape)
    values = torch.ones(setup.batch, *setup.size)
    if setup.texture:
        rng = generator(seed, "audit", "texture", setup.name)
        noise = torch.rand(setup.batch, 1, *setup.size, generator=rng)
        values = 0.5 + torch.nn.functional.avg_pool2d(noise, 3, 1, 1, False, False)[:, 0] / 2
    index = torch.arange(setup.batch)
    images[index, index] = values
    if form.dtype == "uint8":
        images = (images * 255).round()
    return images.to(DTYPES[form.dtype])


def label_layouts(setup: Setup, seed: int) -> list[Tensor]:
    """Distinct classes for the samples, in several random orders."""
    rng = generator(seed, "audit", "labels", setup.name)
    return [
        torch.randperm(setup.classes, generator=rng)[: setup.batch].clone() for _ in range(_LAYOUTS)
    ]


# what is recorded of every call
_SERIES = ("pixels", "weights", "totals", "off", "masks", "rows")


def collect(
    call: Callable[..., Any],
    form: Form,
    setup: Setup,
    seed: int,
    rows_of: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Trial:
    """Calls again and again.  Global generators are the caller's business.

    Args:
        call: under audit.
        form: of the call, its targets recognized.
        setup: of the series.
        seed: of the audit.
        rows_of: from the shares [B, B] of one output, the rows whose masks are kept; all if None.

    Raises:
        WrongShape: images or rows of targets are not those of the batch.
        Exception: whatever the call raises.
    """
    images = one_hot_batch(setup, form, seed)
    divisor = image_array(_nchw(form), images) if setup.texture else None
    layouts = label_layouts(setup, seed)
    rng = generator(seed, "audit", "calls", setup.name)
    every = np.arange(setup.batch)
    kept: dict[str, list[Any]] = {name: [] for name in (*_SERIES, "outputs")}
    touched: set[str] = set()
    dtypes = ("", "")
    for number in range(setup.calls):
        labels = layouts[number % _LAYOUTS]
        fed = feed(form, images, labels, setup.classes, rng)
        raw, targets = unpack(form, call(*fed.args), setup.classes)
        out = image_array(form, raw)
        if out.shape != images.shape:
            raise WrongShape(f"images {tuple(images.shape)} came back as {out.shape}")
        if number < CLOSE:
            touched |= _touched(form, fed, images, labels, setup.classes)
            dtypes = (_dtype(raw), _dtype(targets))
            kept["outputs"].append(out.copy())
        found = shares(form, targets, labels.numpy(), setup.classes)
        if len(found.weight) != setup.batch:
            raise WrongShape(f"{setup.batch} samples came back with {len(found.weight)} targets")
        if divisor is not None:
            out = _untextured(out, divisor)
        pixels = out[:, : setup.batch].mean((2, 3))
        rows = every if rows_of is None else rows_of(pixels)
        values = (pixels, found.weight, found.total, found.off, out[rows, rows].copy(), rows)
        for name, value in zip(_SERIES, values, strict=True):
            kept[name].append(value)
    stacked = {name: np.stack(values) for name, values in kept.items() if name != "off"}
    return Trial(
        setup=setup,
        off=np.array(kept["off"]),
        touched=tuple(sorted(touched)),
        dtypes=dtypes,
        scale=form.scale,
        **stacked,
    )


def _nchw(form: Form) -> Form:
    return dataclasses.replace(form, layout="nchw")


def _untextured(out: np.ndarray, divisor: np.ndarray) -> np.ndarray:
    """Channel s over the texture of sample s."""
    batch = len(divisor)
    own = divisor[np.arange(batch), np.arange(batch)]
    return out[:, :batch] / own[None]


def _touched(form: Form, fed: Any, images: Tensor, labels: Tensor, classes: int) -> set[str]:
    """Which of the batch's parts are no longer as they were handed over."""
    again = feed(form, images, labels, classes, None)
    pairs = {"images": (fed.images, again.images), "labels": (fed.labels, again.labels)}
    return {
        name
        for name, (now, before) in pairs.items()
        if not np.array_equal(np.asarray(_bits(now)), np.asarray(_bits(before)))
    }


def _bits(value: Any) -> Any:
    return value.float() if isinstance(value, Tensor) else value


def _dtype(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        value = value[-1]
    return str(getattr(value, "dtype", type(value).__name__)).removeprefix("torch.")


def seed_of(seed: int, name: str) -> int:
    """Seed of the global generators during a series."""
    return derive(seed, "audit", "globals", name) % 2**31
