"""Pictures of experiments: dots with intervals, one row a variant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from ..plots import COLORS, figure
from .intervals import Interval


def reach(found: Sequence[Interval], scale: float = 1.0) -> list[list[float]]:
    """Lengths of the intervals to both sides of their values; none where there is no interval."""
    sides = ([v.value - v.low for v in found], [v.high - v.value for v in found])
    return [[scale * max(x, 0.0) if x < float("inf") else 0.0 for x in side] for side in sides]


def dots(
    rows: Mapping[str, Sequence[Interval]],
    labels: Sequence[str],
    title: str,
    unit: str,
    variants: str = "",
    log: bool = False,
) -> Figure:
    """One row a variant, one color a quantity, the interval as a bar.

    Args:
        rows: variant -> one interval for each of the labels.
        variants: what the rows are.
        log: logarithmic axis; the intervals must stay above 0.
    """
    made, (axis,) = figure(1, 1, 7, 1.2 + 0.32 * len(rows))
    step = 0.5 / max(len(labels), 2)
    for k, label in enumerate(labels):
        found = [values[k] for values in rows.values()]
        places = [i + (k - (len(labels) - 1) / 2) * step for i in range(len(found))]
        axis.errorbar(
            [v.value for v in found],
            places,
            xerr=reach(found),
            fmt="o",
            markersize=4,
            color=COLORS[1 + k % (len(COLORS) - 1)],
            label=label,
        )
    axis.set_yticks(range(len(rows)), list(rows))
    # half a row of room: no row lies on the frame
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.grid(axis="x", color="#DDDDDD", linewidth=0.6)
    axis.set(xlabel=unit, title=title, ylabel=variants)
    if log:
        axis.set_xscale("log")
    made.legend(fontsize=8, loc="outside lower center", ncols=min(len(labels), 3))
    return made
