"""Patch occlusion (TokenMix, Figure 4; protocol after Naseer et al., Intriguing properties of
vision transformers, NeurIPS 2021): accuracy as patches are dropped.

The paper publishes no protocol, so everything that changes the numbers is a setting: which patches,
how a count is rounded, what fills them, whether all images lose the same ones.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from downstream.checks import check_images, check_labels
from downstream.errors import InputError
from downstream.robustness.occlusion_settings import OcclusionSettings
from mixlib.core.net import inference
from mixlib.seed import generator

Rank = Callable[[Tensor, Tensor], Tensor]
"""(images [B, C, H, W] in [0, 1], labels [B]) -> importance of every patch [B, P], row by row."""


def drop_patches(
    x: Tensor, dropped: Tensor, patch: int, fill: Tensor | float
) -> tuple[Tensor, Tensor]:
    """Fills patches of images [B, C, H, W].

    Args:
        dropped: int64 [D] (the same for all images) or [B, D], patches counted row by row.
        patch: side, pixels; both sides of the image are multiples of it.
        fill: one value, or one a channel [C].

    Returns:
        The occluded images, and masks [B or 1, H, W] that are 1 where a pixel was kept.

    Raises:
        InputError: sides that are no multiples of the patch, or patches that there are not.

    Example:
        >>> import torch
        >>> x, kept = drop_patches(torch.ones(1, 1, 2, 4), torch.tensor([1]), 2, 0.0)
        >>> x[0, 0].tolist()
        [[1.0, 1.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0]]
    """
    rows, columns = patch_grid(x, patch)
    index = dropped if dropped.dim() == 2 else dropped[None]
    if index.numel() and not (int(index.min()) >= 0 and int(index.max()) < rows * columns):
        raise InputError(
            f"expected patches 0 to {rows * columns - 1}, found {int(index.min())} to "
            f"{int(index.max())}"
        )
    kept = torch.ones(len(index), rows * columns, dtype=x.dtype, device=x.device)
    kept = kept.scatter(1, index.to(x.device), 0.0).view(-1, rows, columns)
    mask = kept.repeat_interleave(patch, 1).repeat_interleave(patch, 2)
    color = torch.as_tensor(fill, dtype=x.dtype, device=x.device).view(1, -1, 1, 1)
    return torch.where(mask[:, None] > 0, x, color), mask


def patch_grid(x: Tensor, patch: int) -> tuple[int, int]:
    """Rows and columns of patches of images [B, C, H, W].

    Raises:
        InputError: the sides are no multiples of the patch.
    """
    height, width = x.shape[-2:]
    if height % patch or width % patch:
        raise InputError(
            f"expected sides that are multiples of the patch of {patch} pixels, found images of "
            f"{height} x {width}: choose another patch"
        )
    return height // patch, width // patch


@dataclass(frozen=True, eq=False)
class OcclusionCurve:
    """What is left of a classifier as patches are dropped.

    Attributes:
        ratios: [R].
        counts: patches dropped [R].
        right: float64 [R, N], share of the repeats in which each image was right.
        confidence: float64 [R, N], mean softmax probability of the true class.
    """

    ratios: tuple[float, ...]
    counts: tuple[int, ...]
    right: NDArray[np.float64]
    confidence: NDArray[np.float64]

    @property
    def top1(self) -> NDArray[np.float64]:
        """Accuracy in percent [R]."""
        return 100 * self.right.mean(1)


def occlusion_curve(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    settings: OcclusionSettings,
    mean: tuple[float, ...],
    rank: Rank | None = None,
) -> OcclusionCurve:
    """Drops patches of every image at every ratio.

    The dropped sets are nested: a larger ratio drops the patches of a smaller one and more.

    Args:
        model: images in [0, 1] -> logits; see :class:`downstream.robustness.attacks.Normalized`.
        batches: images [B, C, H, W] in [0, 1] and labels [B], on the model's device.
        mean: of the normalization [C], what "mean" fills with.
        rank: importance of the patches, for "salient" and "nonsalient".

    Raises:
        InputError: no image, no rank where one is needed, or what the pieces refuse.
    """
    if (settings.which == "random") != (rank is None):
        raise InputError(
            f"which={settings.which!r} {'takes no' if rank else 'needs a'} rank of the patches"
        )
    fill = torch.tensor(mean) if settings.fill == "mean" else 0.0
    repeats = settings.repeats if rank is None else 1
    right: list[Tensor] = []
    confidence: list[Tensor] = []
    counts: tuple[int, ...] = ()
    for number, (x, y) in enumerate(batches):
        check_images(x)
        rows, columns = patch_grid(x, settings.patch)
        counts = settings.counts(rows * columns)
        total = torch.zeros(2, len(counts), len(x), dtype=torch.float64)
        for repeat in range(repeats):
            order = _order(x, y, rows * columns, settings, (number, repeat), rank)
            for place, count in enumerate(counts):
                hidden, _ = drop_patches(x, order[:, :count], settings.patch, fill)
                total[:, place] += _answers(model, hidden, y)
        right.append(total[0] / repeats)
        confidence.append(total[1] / repeats)
    if not right:
        raise InputError("expected at least one image, found an empty test set: check its split")
    parts = (torch.cat(part, 1).numpy() for part in (right, confidence))
    return OcclusionCurve(settings.ratios, counts, *parts)


def occluded_examples(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    settings: OcclusionSettings,
    mean: tuple[float, ...],
    ratios: tuple[float, ...],
) -> tuple[Tensor, Tensor]:
    """A few images at some ratios of random patches, for pictures.

    Args:
        model, settings, mean: as :func:`occlusion_curve`; each image loses patches of its own.
        x: images [B, C, H, W] in [0, 1].
        y: their labels [B].
        ratios: shares of the patches to drop.

    Returns:
        The occluded images [R, B, C, H, W] and the probability of the true class [R, B].

    Raises:
        InputError: see :func:`occlusion_curve`.
    """
    check_images(x)
    rows, columns = patch_grid(x, settings.patch)
    own = replace(settings, which="random", shared=False, ratios=ratios)
    order = _order(x, y, rows * columns, own, (0, 0), None)
    fill = torch.tensor(mean) if settings.fill == "mean" else 0.0
    images, confidence = [], []
    for count in own.counts(rows * columns):
        hidden, _ = drop_patches(x, order[:, :count], settings.patch, fill)
        images.append(hidden)
        confidence.append(_answers(model, hidden, y)[1])
    return torch.stack(images), torch.stack(confidence)


def _order(
    x: Tensor,
    y: Tensor,
    patches: int,
    settings: OcclusionSettings,
    keys: tuple[int, int],
    rank: Rank | None,
) -> Tensor:
    """The patches of each image [B or 1, P] in the order in which they are dropped."""
    if rank is not None:
        importance = rank(x, y)
        if importance.shape != (len(x), patches):
            raise InputError(
                f"expected the importance of {patches} patches for {len(x)} images, found shape "
                f"{list(importance.shape)}: the rank's grid is not that of the dropped patches"
            )
        return importance.argsort(dim=1, descending=settings.which == "salient", stable=True)
    rng = generator(settings.seed, "occlusion", *keys)
    rows = 1 if settings.shared else len(x)
    return torch.rand(rows, patches, generator=rng).argsort(1)


def _answers(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """Whether each image is right, and the probability of its class: float64 [2, B]."""
    with inference(model):
        logits = model(x).double()
    check_labels(y.cpu().numpy(), logits.shape[1])
    own = logits.softmax(1).gather(1, y[:, None])[:, 0]
    return torch.stack([(logits.argmax(1) == y).double(), own]).cpu()
