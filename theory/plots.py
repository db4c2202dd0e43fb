"""Figures of the theory: functions from numbers to figures.

Nothing is computed here that a test does not check elsewhere.  Colors are Okabe and Ito's, told
apart by every common color vision; lines differ in dash, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from mixlib.seed import generator
from mixlib.whole_files import aside

from .design import Design
from .expansion.on_networks import Measured
from .families import Family, families
from .gradients import by_distance as reach
from .moments import Moments, center, exact_moments, monte_carlo_moments
from .moments.profiles import by_distance, spectrum

COLORS = ("#000000", "#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (2, 1)), "-")
GROUPS = {
    "boxes": ("Mixup", "CutMix", "CutMix, unbiased (torus)", "ResizeMix, place", "Mixup & CutMix"),
    "mixtures and bells": ("Mixup", "HMix", "HMix, unbiased (torus)", "GMix", "SmoothMix"),
    "fields": ("Mixup", "FMix", "FMix, released"),
    "cells and tokens": (
        *("Mixup", "GridMix", "GridMix, unbiased label", "GridMix, released", "Random tokens"),
        *("TokenMix", "TokenMix, released"),
    ),
}
SPECTRA = (
    ("CutMix, unbiased (torus)", "HMix, unbiased (torus)", "GMix", "GridMix, unbiased label"),
    ("FMix", "FMix, released", "Random tokens", "TokenMix"),
)


# lines that nearly coincide: dashes that take turns
TURNS = {
    "GridMix": (0, (4, 8)),
    "GridMix, unbiased label": (4, (4, 8)),
    "Random tokens": (8, (4, 8)),
}
FLOOR = 1e-6  # of the spectra's axis

FIGURE_DATA = "application/vnd.mixlib.figure+json"


class Picture(Figure):
    """A figure that carries what it shows beside its pixels into a notebook, where a test compares
    it."""

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {FIGURE_DATA: figure_data(self)}


def figure_data(made: Figure) -> list[dict[str, Any]]:
    """The numbers that a figure shows: lines, bars, and images by blocks, three digits each.

    Example:
        >>> made, (axis,) = figure(1, 1, 3, 2)
        >>> line = axis.plot([0, 1], [2, 3], label="a")
        >>> figure_data(made)
        [{'lines': [{'label': 'a', 'x': [0.0, 1.0], 'y': [2.0, 3.0]}], 'bars': [], 'images': []}]
    """
    return [
        {
            "lines": [
                {
                    "label": str(line.get_label()),
                    **{
                        key: _rounded(values)
                        for key, values in zip("xy", line.get_data(orig=False), strict=True)
                    },
                }
                for line in axis.get_lines()
                if not str(line.get_label()).startswith("_")
            ],
            "bars": _rounded(
                [
                    bar.get_width()
                    if (bar.get_y() % 1 or bar.get_height() < 0.5)
                    else bar.get_height()
                    for bar in axis.patches
                    if isinstance(bar, Rectangle)
                ]
            ),
            "images": [_rounded(_blocks(image.get_array())) for image in axis.get_images()],
        }
        for axis in made.axes
    ]


def _rounded(values: Any) -> list[float]:
    return [float(f"{v:.3g}") for v in np.asarray(values, dtype=float).ravel()[:64]]


def _blocks(values: Any) -> Any:
    """Means of an image's 4 x 4 blocks."""
    found = np.asarray(values, dtype=float)
    rows, columns = (np.array_split(np.arange(n), 4) for n in found.shape[:2])
    return [found[np.ix_(r, c)].mean() for r in rows for c in columns]


def figure(rows: int, columns: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """An empty figure with its axes in reading order (no window, no global state)."""
    made = Picture(figsize=(width, height), layout="constrained")
    axes = made.subplots(rows, columns, squeeze=False)
    return made, list(axes.flat)


def style(k: int) -> dict[str, Any]:
    """Color and dash of the k-th line."""
    return {"color": COLORS[k % len(COLORS)], "linestyle": DASHES[k % len(DASHES)]}


def middle_row(family: Family, size: tuple[int, int], n: int) -> Moments:
    """Coefficients of the middle pixel: exact where known, else measured on n masks."""
    rows = torch.tensor([center(size)])
    if family.exact:
        return exact_moments(family.law, family.lam, size, rows)
    rng = generator(0, "row", str(family.law))
    return monte_carlo_moments(family.law, family.lam, size, n, rng, rows)


def coefficients(size: int = 32, alpha: float = 1.0, n: int = 6000) -> Figure:
    """The paper's central picture: A_jk against the distance of k from the middle pixel j, for
    every family."""
    made, axes = figure(2, 2, 10, 7.5)
    known, grid = families(alpha, cells=8), (size, size)
    for axis, (title, names) in zip(axes, GROUPS.items(), strict=True):
        for k, name in enumerate(names):
            distance, value = by_distance(middle_row(known[name], grid, n), center(grid))
            label = name if known[name].exact else f"{name} (n = {n})"
            drawn = style(k) | ({"linestyle": TURNS[name]} if name in TURNS else {})
            axis.plot(distance, value, label=label, **drawn)
        axis.set(title=title, xlabel="distance |j - k| in pixels", ylim=(0, None))
        axis.legend(fontsize=8)
    for axis in axes[::2]:
        axis.set_ylabel(r"coefficient $A_{jk}$, $j$ the middle pixel")
    made.suptitle(
        rf"What is regularized at which distance ({size} x {size}, $\alpha$ = {alpha:g}; TokenMix "
        r"$\lambda$ = 1/2, ResizeMix side U(.1, .8))"
    )
    return made


def maps(size: int = 32, alpha: float = 1.0, n: int = 6000) -> Figure:
    """A_jk of the middle pixel as an image, for every family on one color scale."""
    known, grid = families(alpha, cells=8), (size, size)
    columns = 5
    made, axes = figure(-(-len(known) // columns), columns, 12, 2.3 * -(-len(known) // columns))
    rows = {name: middle_row(f, grid, n).row(center(grid)) for name, f in known.items()}
    top = max(float(row.max()) for row in rows.values())
    for axis in axes:
        axis.set_axis_off()
    for axis, (name, row) in zip(axes, rows.items(), strict=False):
        shown = axis.imshow(row, cmap="viridis", vmin=0, vmax=top)
        axis.set_title(name, fontsize=9)
    made.colorbar(shown, ax=axes, label=r"$A_{jk}$, $j$ the middle pixel", shrink=0.8)
    return made


def spectra(size: int = 32, alpha: float = 1.0, n: int = 3000) -> Figure:
    """Spectrum of the coefficients along one axis: boxes, mixtures and bells exactly, fields and
    token blocks measured on n masks."""
    made, axes = figure(1, 2, 10.5, 4)
    known, grid = families(alpha, cells=8), (size, size)
    for axis, names in zip(axes, SPECTRA, strict=True):
        for k, name in enumerate(names):
            family = known[name]
            found = (
                exact_moments(family.law, family.lam, grid)
                if family.exact
                else monte_carlo_moments(
                    family.law, family.lam, grid, n, generator(0, "spectrum", name)
                )
            )
            power = spectrum(found.A, grid)[1 : size // 2 + 1, 0].clamp(min=1e-12)
            label = name if family.exact else f"{name} (n = {n})"
            axis.loglog(torch.arange(1, size // 2 + 1), power, label=label, **style(k))
        axis.set(xlabel="vertical frequency k in cycles per image", ylim=(FLOOR, 0.1))
        axis.legend(fontsize=8)
    axes[0].set_ylabel(r"$S(k, 0) = f_k^H A f_k / s^2$")
    made.suptitle(
        f"Spectrum of the coefficients, values of {FLOOR:g} and more; Mixup has none beyond k = 0"
    )
    return made


def remainders(found: Mapping[str, Measured]) -> Figure:
    """|remainder| against the contraction of the displacements, with the third order as guide."""
    made, (axis,) = figure(1, 1, 5.5, 4.2)
    for k, (name, one) in enumerate(found.items()):
        rest = [abs(v) for v in one.remainder]
        axis.loglog(one.eps, rest, marker="o", markersize=3, label=name, **style(k))
    last = next(iter(found.values()))
    anchor = abs(last.remainder[-1]) / last.eps[-1] ** 3
    guide = [anchor * e**3 for e in last.eps]
    axis.loglog(last.eps, guide, color="#BBBBBB", linewidth=4, zorder=0, label=r"$\epsilon^3$")
    axis.set(
        title="Remainder of L + R1 + R2 + R3",
        xlabel=r"$\epsilon$, displacements scaled",
        ylabel="|remainder|",
    )
    axis.legend(fontsize=8)
    return made


def explained(shares: Mapping[str, Mapping[str, float]], title: str) -> Figure:
    """Share of the MSDA penalty that an expansion explains, by family and state of the network."""
    made, (axis,) = figure(1, 1, 7, 0.5 + 0.4 * len(shares))
    states = list(next(iter(shares.values())))
    for k, state in enumerate(states):
        places = [i + (k - 1) * 0.27 for i in range(len(shares))]
        values = [100 * found[state] for found in shares.values()]
        axis.barh(places, values, height=0.25, color=COLORS[k + 1], label=state)
    axis.axvline(100, color="black", linewidth=0.8)
    axis.set_yticks(range(len(shares)), list(shares))
    axis.invert_yaxis()
    axis.set(xlabel="share of L_MSDA - L explained, %", title=title)
    made.legend(fontsize=8, title="network", loc="outside right upper")
    return made


def designed(design: Design, measured: Tensor, masks: Float[Tensor, "n h w"]) -> Figure:
    """A target, what the law realizes, what its masks measure, and some masks.

    Args:
        measured: [h, w], covariance profile measured on the law's masks.
        masks: some masks of the law.
    """
    made, axes = figure(1, 1 + len(masks), 4.5 + 1.6 * len(masks), 3.2)
    half = design.target.shape[1] // 2 + 1
    axes[0].plot(design.target[0, :half], label="target", **style(0))
    axes[0].plot(design.realized[0, :half], label="law, exact", **style(1))
    axes[0].plot(measured[0, :half], "o", markersize=4, color=COLORS[2], label="measured")
    axes[0].set(xlabel="distance in pixels", ylabel=r"$A_{jk} - c_2$", title="along a row")
    axes[0].legend(fontsize=8)
    for axis, mask in zip(axes[1:], masks, strict=True):
        axis.imshow(mask, cmap="gray", vmin=0, vmax=1)
        axis.set_axis_off()
        axis.set_title(f"mean {mask.mean():.2f}", fontsize=8)
    return made


def gradient_maps(
    found: Mapping[str, Float[Tensor, "P Q"]], colors: Mapping[str, str] | None = None
) -> Figure:
    """MSDA Figure 4: normalized products of input gradients by displacement, and by distance.

    Args:
        found: name of a network -> its map.
        colors: of its line, by name; None: in the order of :data:`COLORS`.
    """
    across = min(len(found), 3)
    down = -(-len(found) // across)
    made = Picture(figsize=(2.7 * across + 5.2, 2.7 * down + 0.5), layout="constrained")
    parts: Any = made.subfigures(1, 2, width_ratios=(2.7 * across + 0.6, 4.6))
    left, right = parts
    axes, curves = left.subplots(down, across, squeeze=False), right.subplots()
    for axis in axes.flat[len(found) :]:
        axis.set_axis_off()
    for k, (axis, (name, values)) in enumerate(zip(axes.flat, found.items(), strict=False)):
        h, w = values.shape[0] // 2, values.shape[1] // 2
        edges = (-w - 0.5, w + 0.5, h + 0.5, -h - 0.5)
        # the value at zero stands far above the rest: equal steps of the root are told apart
        shown = axis.imshow(values, cmap="viridis", norm=PowerNorm(0.5, 0, 1), extent=edges)
        axis.set_title(name, fontsize=10)
        distance, largest = reach(values)
        own = {} if colors is None else {"color": colors[name]}
        curves.plot(distance, largest, label=name, **(style(k) | own))
    axes[-1, 0].set(xlabel="horizontal displacement", ylabel="vertical displacement")
    curves.set(
        xlabel="length of the displacement in pixels",
        ylabel="largest product, normalized",
        title="mean over directions",
        ylim=(0, 1.02),
        xlim=(0, None),
    )
    curves.legend(fontsize=8)
    left.colorbar(shown, ax=axes, shrink=0.8)
    return made


def save(made: Figure, folder: Path, name: str) -> list[Path]:
    """Writes a figure as PNG and SVG."""
    paths = [folder / f"{name}.{kind}" for kind in ("png", "svg")]
    # fixed ids and no date: the same numbers give the same bytes
    with (
        matplotlib.rc_context({"svg.hashsalt": "theory"}),
        aside(paths[0]) as png,
        aside(paths[1]) as svg,
    ):
        made.savefig(png, dpi=120)
        made.savefig(svg, metadata={"Date": None})
    return paths


def save_png(made: Figure, path: Path) -> None:
    """Writes a figure as PNG."""
    with aside(path) as part:
        made.savefig(part, dpi=100)


def save_all(folder: Path) -> Sequence[Path]:
    """The pictures that need no trained network."""
    made = {"coefficients": coefficients(), "maps": maps(), "spectra": spectra()}
    return [path for name, one in made.items() for path in save(one, folder, name)]
