"""Checks of evaluation inputs, shared by every measurement of a trained network.

A measurement over broken inputs would be a number like any other; each check names what was
expected, what was found, and what to do.
"""

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from downstream.errors import InputError
from mixlib.core.net import inference


def check_logits(logits: NDArray[np.floating], labels: NDArray[np.integer]) -> None:
    """Refuses logits [N, Y] and labels [N] that no classification metric is defined for.

    Raises:
        InputError: no image, another number of labels than of rows, fewer than two classes, a
            label beyond the classes, or a logit that is NaN or infinite.
    """
    if logits.ndim != 2 or labels.ndim != 1 or len(logits) != len(labels):
        raise InputError(
            "expected logits [N, Y] and one label an image [N], found shapes "
            f"{list(logits.shape)} and {list(labels.shape)}: pass both of the same images"
        )
    if not len(logits):
        raise InputError("expected at least one image, found an empty test set: check its split")
    check_labels(labels, logits.shape[1])
    broken = ~np.isfinite(logits).all(1)
    if broken.any():
        raise InputError(
            f"expected finite logits, found NaN or infinity in {int(broken.sum())} of "
            f"{len(logits)} images (first: number {int(broken.argmax())}): the network has "
            "diverged; look at its training before measuring it"
        )


def check_labels(labels: NDArray[np.integer], classes: int) -> None:
    """Refuses labels [N] outside 0 ... classes - 1, and fewer than two classes.

    Raises:
        InputError: naming the first such label and its place.
    """
    if classes < 2:
        raise InputError(
            f"expected at least two classes, found {classes}: with one class only every prediction "
            "is right by construction, so there is nothing to measure"
        )
    wrong = (labels < 0) | (labels >= classes)
    if wrong.any():
        first = int(wrong.argmax())
        raise InputError(
            f"expected labels from 0 to {classes - 1}, found {int(labels[first])} at image "
            f"{first}: the dataset has other classes than the network"
        )


def check_images(x: Tensor) -> None:
    """Refuses images [B, C, H, W] that are not floating point in [0, 1].

    Raises:
        InputError: another shape, an integer type, NaN, or values outside the pixel range, as of
            images that are already normalized.
    """
    if x.dim() != 4 or not x.is_floating_point():
        raise InputError(
            f"expected float images [B, C, H, W] in [0, 1], found {x.dtype} of shape "
            f"{list(x.shape)}: divide 8-bit images by 255"
        )
    if not len(x):
        raise InputError("expected at least one image, found an empty batch")
    low, high = float(x.min()), float(x.max())
    if not 0 <= low <= high <= 1:
        raise InputError(
            f"expected pixels in [0, 1], found values from {low:.4g} to {high:.4g}: pass images "
            "before normalization, and let the model normalize"
        )


def predict(
    model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Logits float64 [N, Y] and labels int64 [N] of a whole test set.

    Args:
        model: images [B, C, H, W] -> logits [B, Y]; runs in evaluation mode and is put back.
        batches: pairs of images and labels [B] on the model's device.

    Raises:
        InputError: as :func:`check_logits`.
    """
    rows, labels = [], []
    with inference(model):
        for x, y in batches:
            rows.append(model(x).double().cpu())
            labels.append(y.cpu())
    if not rows:
        raise InputError("expected at least one image, found an empty test set: check its split")
    logits, truth = torch.cat(rows).numpy(), torch.cat(labels).numpy().astype(np.int64)
    check_logits(logits, truth)
    return logits, truth


def load_weights(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Loads a checkpoint's state dict into a model of the same architecture.

    Raises:
        InputError: the checkpoint is of another architecture; nothing has been loaded.
    """
    ours = model.state_dict()
    lost = sorted(ours.keys() - state.keys())
    extra = sorted(state.keys() - ours.keys())
    other = [key for key in ours if key in state and ours[key].shape != state[key].shape]
    if lost or extra or other:
        parts = []
        for keys, what in ((lost, "missing"), (extra, "unknown"), (other, "of another shape")):
            if keys:
                parts.append(f"{len(keys)} {what} ({', '.join(keys[:3])})")
        raise InputError(
            f"expected a checkpoint of {type(model).__name__}, found one of another architecture: "
            f"{'; '.join(parts)}: name the backbone that the checkpoint was trained with"
        )
    model.load_state_dict(dict(state))
