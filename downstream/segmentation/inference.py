"""Segmentation of whole images: sliding windows, and averages over scales and mirror images.

As MMSegmentation tests: an image is resized to the short side of training, windows of the training
crop slide over it and their logits are averaged, the logits are brought to the image's own size;
multi-scale testing averages the probabilities over scales, each also mirrored.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from downstream.errors import InputError
from downstream.segmentation.metrics import Confusion, count_pixels, empty
from downstream.segmentation.settings import SegmentSettings
from mixlib.core.net import inference

Report = Callable[[int, int], None]


class SegmentationData(Protocol):
    """Images uint8 [H, W, 3] and masks uint8 [H, W] by number."""

    @property
    def names(self) -> Sequence[str]: ...

    def __len__(self) -> int: ...

    def image(self, number: int) -> NDArray[np.uint8]: ...

    def mask(self, number: int) -> NDArray[np.uint8]: ...


def slide(model: nn.Module, x: Tensor, crop: int, stride: int) -> Tensor:
    """Logits [B, K, H, W] of images of any size, averaged where windows overlap.

    Args:
        model: [B, 3, crop, crop] -> logits [B, K, crop, crop].
        x: normalized images [B, 3, H, W]; padded with zeros where they are smaller than a window.
        crop, stride: side of a window and its step, pixels.
    """
    height, width = x.shape[-2:]
    x = F.pad(x, (0, max(0, crop - width), 0, max(0, crop - height)))
    corners = [
        (top, left)
        for top in starts(x.shape[-2], crop, stride)
        for left in starts(x.shape[-1], crop, stride)
    ]
    total: Tensor | None = None
    seen = x.new_zeros(x.shape[-2:])
    for top, left in corners:
        rows, columns = slice(top, top + crop), slice(left, left + crop)
        logits = model(x[:, :, rows, columns])
        if total is None:
            total = logits.new_zeros(len(x), logits.shape[1], *x.shape[-2:])
        total[:, :, rows, columns] += logits
        seen[rows, columns] += 1
    assert total is not None
    return (total / seen)[:, :, :height, :width]


def starts(length: int, crop: int, stride: int) -> list[int]:
    """First pixels of the windows along one side; the last window ends at the border.

    Example:
        >>> starts(683, 512, 341)
        [0, 171]
    """
    count = max(0, -(-(length - crop) // stride)) + 1
    return [min(number * stride, max(0, length - crop)) for number in range(count)]


def resized(height: int, width: int, short: int, longest: int) -> tuple[int, int]:
    """(height, width) with the short side at ``short``, unless the long one passes ``longest``."""
    factor = min(short / min(height, width), longest / max(height, width))
    return max(1, int(height * factor + 0.5)), max(1, int(width * factor + 0.5))


def probabilities(
    model: nn.Module,
    x: Tensor,
    settings: SegmentSettings,
    scales: Sequence[float] = (1.0,),
    mirrored: bool = False,
) -> Tensor:
    """Class probabilities [B, K, H, W] of images, averaged over scales.

    Args:
        model: see :func:`slide`.
        x: normalized images [B, 3, H, W] of any size.
        settings: sides, window and stride.
        scales: of the resized image.
        mirrored: whether each scale is also seen mirrored.

    Raises:
        InputError: no scale.
    """
    if not scales:
        raise InputError("expected at least one scale to test at, found none")
    size = x.shape[-2:]
    total: Tensor | None = None
    views = 0
    with inference(model):
        for scale in scales:
            sides = (round(settings.short * scale), round(settings.longest * scale))
            seen = F.interpolate(
                x,
                resized(size[0], size[1], *sides),
                mode="bilinear",
                align_corners=False,
                antialias=False,
            )
            for flip in (False, True) if mirrored else (False,):
                view = seen.flip(-1) if flip else seen
                logits = slide(model, view, settings.crop, settings.stride)
                logits = logits.flip(-1) if flip else logits
                logits = F.interpolate(logits, size, mode="bilinear", align_corners=False)
                p = logits.softmax(1)
                total = p if total is None else total + p
                views += 1
    assert total is not None
    return total / views


def evaluate(
    model: nn.Module,
    data: SegmentationData,
    prepare: Callable[[NDArray[np.uint8]], Tensor],
    settings: SegmentSettings,
    multi_scale: bool = False,
    report: Report = lambda done, total: None,
) -> Confusion:
    """The confusion matrix of a segmenter over a test set, each image at its own size.

    Args:
        model: see :func:`slide`.
        prepare: image uint8 [H, W, 3] -> normalized [1, 3, H, W] on the model's device.
        settings: of testing; ``scales`` with mirror images for ``multi_scale``.
        report: called with (images done, images in all).

    Raises:
        InputError: an empty test set, or masks that do not fit their images or classes.
    """
    if not len(data):
        raise InputError("expected at least one image, found an empty test set: check its split")
    classes = len(data.names)
    found = empty(classes)
    scales = settings.scales if multi_scale else (1.0,)
    for number in range(len(data)):
        p = probabilities(model, prepare(data.image(number)), settings, scales, multi_scale)
        if p.shape[1] != classes:
            raise InputError(
                f"expected a segmenter of the dataset's {classes} classes, found one of "
                f"{p.shape[1]}"
            )
        predicted = p.argmax(1)[0].cpu().numpy()
        found = found + count_pixels(data.mask(number), predicted, classes)
        report(number + 1, len(data))
    return found


def normalizer(
    mean: tuple[float, ...], std: tuple[float, ...], device: str = "cpu"
) -> Callable[[NDArray[np.uint8]], Tensor]:
    """What :func:`evaluate` calls to prepare an image.

    Args:
        mean, std: [3], of pixels in [0, 1].
    """
    shift, scale = (torch.tensor(v, device=device).view(1, -1, 1, 1) for v in (mean, std))

    def prepare(image: NDArray[np.uint8]) -> Tensor:
        x = torch.from_numpy(image.copy()).to(device).permute(2, 0, 1)[None].float() / 255
        return (x - shift) / scale

    return prepare
