"""Gallery of mixing methods: the same pairs of images, several lambdas, masks and label weights.

A declared figure (``paper_tables/gallery.yaml``), and ``python -m paper_tables.gallery`` for images
of one's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mixlib.catalog.methods import METHODS, method
from paper_tables.drawings.canvas import Drawing, canvas, save
from pipelines.declare.errors import DeclarationError, check_keys

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from paper_tables.drawings.mixed_pair import MixedImage

OWN, PARTNER, FILL = "#0072B2", "#E69F00", "#8c8c8c"
CELL = 0.78  # inches
GAP, UNDER, OVER, LEFT = 0.06, 0.34, 0.58, 0.3  # in cells
HEAD = 2.35  # cells above the first line
NOTE = 0.15  # cells of a line of notes
LETTERS = 16  # of a note, above one cell


@dataclass(frozen=True)
class Settings:
    """What a figure shows.

    Args:
        methods: rows of the catalog; empty: all.
        lambdas: shares of the own image; methods with a law of their own ignore them.
        pairs: how many pairs of images.
        across: methods side by side; None: so many that a line has some 18 images.
        images: "generated", or a folder of images.

    Example:
        >>> chosen = Settings(methods=["mixup", "cutmix"], lambdas=[0.5])
        >>> chosen.names, chosen.columns, chosen.blocks
        (['mixup', 'cutmix'], 2, 2)
    """

    methods: Sequence[str] = ()
    lambdas: Sequence[float] = (0.3, 0.5, 0.7)
    pairs: int = 2
    across: int | None = None
    images: str = "generated"

    @property
    def names(self) -> list[str]:
        """The methods shown."""
        return [method(name).name for name in self.methods or METHODS]

    @property
    def columns(self) -> int:
        """Images per method."""
        return self.pairs * len(self.lambdas)

    @property
    def blocks(self) -> int:
        """Methods side by side."""
        return min(self.across or max(1, 18 // self.columns), len(self.names))


def settings(where: str, declared: dict[str, Any]) -> Settings:
    """Settings from a declaration.

    Raises:
        DeclarationError: an unknown key or method.
    """
    check_keys(where, declared, {field.name for field in fields(Settings)})
    try:
        found = Settings(**declared)
        _ = found.names
    except KeyError as error:
        raise DeclarationError(f"{where}: {error.args[0]}") from None
    return found


def draw(drawing: Drawing, paths: tuple[Path, ...]) -> None:
    """The picture of a declared figure."""
    table = drawing.table
    chosen = settings(f"{table.file}: {table.name}", dict(table.fixed))
    paint(table.title, chosen, paths)


def paint(title: str, chosen: Settings, paths: tuple[Path, ...]) -> None:
    """Mixes every pair and draws the figure."""
    from paper_tables.drawings.gallery_images import gallery_images
    from paper_tables.drawings.gallery_networks import GalleryNetworks

    images, labels = gallery_images(chosen.images, 2 * chosen.pairs)
    networks = GalleryNetworks()
    rows = {}
    for name in chosen.names:
        rows[name] = [
            networks.mix(
                name, images[2 * p : 2 * p + 2], labels[2 * p : 2 * p + 2], lam, 100 * i + p
            )
            for p in range(chosen.pairs)
            for i, lam in enumerate(chosen.lambdas)
        ]
    plt = canvas(title)
    lines = -(-len(rows) // chosen.blocks)
    notes = {name: _notes(shown, chosen) for name, shown in rows.items()}
    below = NOTE * max(map(len, notes.values()))
    head, step = HEAD + below, 2 + GAP + UNDER + OVER + below
    wide = chosen.blocks * (chosen.columns * (1 + GAP) + LEFT) + LEFT
    high = lines * step + HEAD - OVER + 0.35
    figure = plt.figure(figsize=(wide * CELL, high * CELL))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, wide), ylim=(high, 0))
    axes.axis("off")
    filled = any(float(mixed.shares[2].max()) > 0 for shown in rows.values() for mixed in shown)
    _head(axes, title, images.permute(0, 2, 3, 1).numpy(), filled)
    for k, (name, shown) in enumerate(rows.items()):
        x = LEFT + (k % chosen.blocks) * (chosen.columns * (1 + GAP) + LEFT)
        y = head + (k // chosen.blocks) * step
        _words(axes, (x, y - 0.34 - below), method(name).title, notes[name])
        _block(axes, (x, y), shown, chosen)
    save(figure, paths)
    plt.close(figure)


def _picture(axes: Axes, at: tuple[float, float], pixels: NDArray[np.floating]) -> None:
    x, y = at
    axes.imshow(pixels, extent=(x, x + 1, y + 1, y), interpolation="nearest", aspect="auto")


def _notes(shown: list[MixedImage], chosen: Settings) -> list[str]:
    """The lines above a method's images: every note of any of them once."""
    notes = dict.fromkeys(note for mixed in shown for note in mixed.notes)
    return wrap("; ".join(notes), LETTERS * chosen.columns)


def _head(axes: Axes, title: str, images: NDArray[np.floating], filled: bool) -> None:
    """Title, the pairs with their colors, and how to read a mask."""
    axes.text(LEFT, 0.28, title, fontsize=13, fontweight="bold", va="center")
    for k, pixels in enumerate(images):
        x = LEFT + k * (1 + GAP) + (k // 2) * 0.3
        _picture(axes, (x, 0.56), pixels)
        color = PARTNER if k % 2 else OWN
        axes.add_patch(_frame(x, 0.56, color))
    x = LEFT + len(images) * (1 + GAP) + (len(images) // 2) * 0.3
    words = [("own image", OWN), ("partner", PARTNER)]
    if filled:
        words.append(("filled", FILL))
    for k, (word, color) in enumerate(words):
        axes.text(x, 0.7 + 0.24 * k, f"■ {word}", color=color, fontsize=9, va="center")
    y = 0.7 + 0.24 * len(words) + 0.01
    axes.text(x, y, "below: label weights", color="#444444", fontsize=8, va="center")


def _frame(x: float, y: float, color: str) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((x, y), 1, 1, fill=False, edgecolor=color, linewidth=2.5)


def _words(axes: Axes, at: tuple[float, float], title: str, notes: list[str]) -> None:
    """A method's name, and below it what its pictures cannot show."""
    x, y = at
    axes.text(x, y, title, fontsize=9.5, fontweight="bold", va="center")
    for i, line in enumerate(notes):
        below = y + 0.06 + NOTE * (i + 0.7)
        axes.text(x, below, line, fontsize=6.5, color="#666666", va="center")


def _block(axes: Axes, at: tuple[float, float], shown: list[MixedImage], chosen: Settings) -> None:
    """One method: mixed images, their masks, their label weights."""
    x, y = at
    for k, mixed in enumerate(shown):
        left = x + k * (1 + GAP)
        if mixed.at_lambda:
            asked = f"λ = {chosen.lambdas[k % len(chosen.lambdas)]:g}"
            axes.text(left + 0.5, y - 0.06, asked, fontsize=6, color="#666666", ha="center")
        _picture(axes, (left, y), mixed.image.permute(1, 2, 0).numpy())
        _picture(axes, (left, y + 1 + GAP), _colors(mixed))
        _weights(axes, left, y + 2 + GAP + 0.04, mixed.weights)


def _colors(mixed: MixedImage) -> NDArray[np.floating]:
    """The mask: every pixel the mean of the colors of its sources."""
    from matplotlib.colors import to_rgb

    palette = np.array([to_rgb(color) for color in (OWN, PARTNER, FILL)])
    return np.einsum("khw,kc->hwc", mixed.shares.numpy(), palette).clip(0, 1)


def _weights(axes: Axes, x: float, y: float, weights: tuple[float, float]) -> None:
    """A bar of both label weights, and their numbers.  A bar that is too short shows weights that
    sum to less than one; where they sum to more, both parts are shrunk to the tile's width."""
    from matplotlib.patches import Rectangle

    own, partner = bar(weights)
    axes.add_patch(Rectangle((x, y), own, 0.07, color=OWN, linewidth=0))
    axes.add_patch(Rectangle((x + own, y), partner, 0.07, color=PARTNER, linewidth=0))
    text = "{:.2f} + {:.2f}".format(*weights)
    axes.text(x + 0.5, y + 0.17, text, fontsize=6, ha="center", va="center", color="#333333")


def bar(weights: tuple[float, float]) -> tuple[float, float]:
    """Lengths of a bar's parts, in cells: together at most one.

    Example:
        >>> bar((0.25, 0.5)), bar((1.0, 1.0))
        ((0.25, 0.5), (0.5, 0.5))
    """
    own, partner = weights
    most = max(1.0, own + partner)
    return own / most, partner / most
