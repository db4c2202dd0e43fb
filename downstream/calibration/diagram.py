"""Reliability diagrams (AutoMix, Figure 8; Guo et al., ICML 2017, Figure 1): accuracy against
confidence by bin, with the number of predictions below."""

from collections.abc import Mapping

from matplotlib.figure import Figure

from downstream.calibration.bins import Bins
from downstream.errors import InputError

BAR, GAP = "#4878a8", "#d65f5f"


def draw_reliability(bins: Mapping[str, Bins]) -> Figure:
    """One column a classifier: bars of accuracy, the gap to confidence hatched, counts below.

    Args:
        bins: title -> bins (:func:`downstream.calibration.bins.bin_confidences`).

    Raises:
        InputError: no classifier at all.
    """
    if not bins:
        raise InputError("expected at least one classifier to draw, found none")
    figure = Figure(figsize=(2.6 * len(bins) + 0.5, 3.9), layout="constrained")
    axes = figure.subplots(
        2, len(bins), squeeze=False, sharex=True, sharey="row", height_ratios=(3, 1)
    )
    for column, (title, found) in enumerate(bins.items()):
        width = found.edges[1] - found.edges[0]
        middles = (found.edges[1:] + found.edges[:-1]) / 2
        filled = found.counts > 0
        bars, counts = axes[:, column]
        bars.bar(middles[filled], found.accuracy[filled], width, color=BAR, edgecolor="white")
        bars.bar(
            middles[filled],
            -found.gaps[filled],
            width,
            bottom=found.accuracy[filled],
            color="none",
            edgecolor=GAP,
            hatch="///",
        )
        bars.plot([0, 1], [0, 1], color="black", linewidth=0.8, linestyle="--")
        bars.set(title=title, xlim=(0, 1), ylim=(0, 1))
        text = f"ECE {100 * found.error():.1f} %\n{len(found.counts)} bins"
        bars.text(0.04, 0.96, text, va="top", fontsize=8)
        counts.bar(middles, 100 * found.share, width, color="#999999", edgecolor="white")
        counts.set(xlabel="confidence")
    axes[0, 0].set_ylabel("accuracy")
    axes[1, 0].set_ylabel("% of images")
    return figure
