"""Pictures of class-token attention by layer (TokenMix, Figure 3) and of label shares beside the
mixed image (Figure 6)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from PIL import Image

from downstream.attention.target_scores import TargetScores
from downstream.errors import InputError

COLORS = "viridis"
BOX = "#FF2020"


def draw_layers(
    images: NDArray[np.uint8],
    maps: NDArray[np.floating],
    titles: Sequence[str],
    shares: NDArray[np.floating] | None = None,
    labels: Sequence[str] | None = None,
    boxes: Sequence[NDArray[np.integer]] | None = None,
) -> Figure:
    """One row an image: the image, then its attention in each layer.

    Args:
        images: uint8 [B, H, W, 3].
        maps: [L, B, h, w] (:func:`downstream.attention.class_token.class_attention`).
        titles: of the L layers.
        shares: [L, B] of attention inside the true box, written below each map.
        labels: of the B rows.
        boxes: B arrays [G, 4] of true boxes (x0, y0, x1, y1) in pixels, drawn on each image.

    Raises:
        InputError: numbers of images, maps and titles that differ.
    """
    layers, count = maps.shape[:2]
    if count != len(images) or layers != len(titles):
        raise InputError(
            f"expected maps [{len(titles)} layers, {len(images)} images, h, w], found shape "
            f"{list(maps.shape)}"
        )
    figure = Figure(figsize=(1.5 * (layers + 1), 1.75 * count + 0.3), layout="constrained")
    axes = figure.subplots(count, layers + 1, squeeze=False)
    for row, image in enumerate(images):
        axes[row, 0].imshow(image)
        axes[row, 0].set_ylabel(labels[row] if labels else "", fontsize=9)
        for x0, y0, x1, y1 in boxes[row].tolist() if boxes else ():
            frame = Rectangle(
                (x0 - 0.5, y0 - 0.5), x1 - x0, y1 - y0, fill=False, edgecolor=BOX, linewidth=1.5
            )
            axes[row, 0].add_patch(frame)
        for layer in range(layers):
            axis = axes[row, layer + 1]
            axis.imshow(image)
            axis.imshow(enlarge(maps[layer, row], image.shape[:2]), cmap=COLORS, alpha=0.6)
            if shares is not None:
                axis.set_xlabel(f"{100 * shares[layer, row]:.0f} % in box", fontsize=8)
    for axis, title in zip(axes[0], ("image", *titles), strict=True):
        axis.set_title(title, fontsize=9)
    _bare(axes)
    return figure


def draw_target_scores(
    own: NDArray[np.uint8],
    masked: NDArray[np.uint8],
    maps: NDArray[np.floating],
    scores: TargetScores,
) -> Figure:
    """One row an image: the image, its attention map, and what a mix leaves of it, with its label
    share by TokenMix and by CutMix.

    Args:
        own, masked: uint8 [B, H, W, 3].
        maps: attention [B, h, w] of the own image.
        scores: of the mixed images.

    Raises:
        InputError: numbers of images, maps and scores that differ.
    """
    if not len(own) == len(masked) == len(maps) == len(scores.area):
        raise InputError(
            f"expected as many images, masked images, maps and scores, found {len(own)}, "
            f"{len(masked)}, {len(maps)} and {len(scores.area)}"
        )
    figure = Figure(figsize=(5, 1.85 * len(own) + 0.3), layout="constrained")
    axes = figure.subplots(len(own), 3, squeeze=False)
    for row in range(len(own)):
        axes[row, 0].imshow(own[row])
        axes[row, 1].imshow(enlarge(maps[row], own[row].shape[:2]), cmap=COLORS)
        axes[row, 2].imshow(masked[row])
        content, area = float(scores.content[row, 0]), float(scores.area[row, 0])
        axes[row, 2].set_xlabel(f"TokenMix {content:.2f}, CutMix {area:.2f}", fontsize=8)
    for axis, title in zip(axes[0], ("image", "activation", "masked"), strict=True):
        axis.set_title(title, fontsize=9)
    _bare(axes)
    return figure


def enlarge(grid: NDArray[np.floating], size: tuple[int, ...]) -> NDArray[np.float32]:
    """A map [h, w] at (height, width), bilinear, stretched to [0, 1]."""
    spread = float(np.ptp(grid)) or 1.0
    values = ((grid - grid.min()) / spread).astype(np.float32)
    large = Image.fromarray(values).resize((size[1], size[0]), Image.Resampling.BILINEAR)
    return np.asarray(large, np.float32)


def _bare(axes: NDArray[Any]) -> None:
    """Removes ticks and frames, and keeps the labels."""
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
        for spine in axis.spines.values():
            spine.set_visible(False)
