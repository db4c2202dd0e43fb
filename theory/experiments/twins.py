"""Twins and look-alikes, trained: laws with one A and different masks, and laws with the same masks
and different A (see :mod:`theory.twins`).

To second order the first pair trains alike; the margin and the test are declared before any
training.  For the second pair the theory predicts a difference but not its size.
"""

from __future__ import annotations

import torch
from matplotlib.figure import Figure

from ..twins import Declaration, Pair, accuracy, look_alikes, twins, verdict
from ..twins_table import MOMENTS, moment_rows
from .intervals import Interval, share_interval
from .page import Page
from .pictures import dots
from .units import Experiment, Found, Measured, Unit, column

PAIRS = {"twins": twins, "look-alikes": look_alikes}


def units(declared: Declaration) -> list[Unit]:
    """A training per pair, law and seed."""
    return [
        Unit((pair, str(k)), seed)
        for pair in PAIRS
        for seed in range(declared.seeds)
        for k in range(2)
    ]


def measure(declared: Declaration, unit: Unit) -> Found:
    """Test accuracy of one training."""
    pair, k = unit.variant
    return {"accuracy": accuracy(PAIRS[pair](declared).laws[int(k)], declared, unit.seed)}


def page(declared: Declaration, measured: list[Measured]) -> Page:
    """Moments of both pairs, accuracies by seed, and the verdicts."""
    made = Page(
        "Twins: an experiment that can refute the theory",
        "Do two laws with the same coefficients A and different masks train alike, as the "
        "second-order theory says?",
    )
    pairs = {name: make(declared) for name, make in PAIRS.items()}
    made.tabulate(
        f"Exact coefficients and measured masks, {declared.size} x {declared.size}, alpha = "
        f"{declared.alpha:g}.",
        MOMENTS,
        [row for pair in pairs.values() for row in moment_rows(pair, declared)],
    )
    rows = [
        [law, *_accuracies(column(measured, "accuracy", name, str(k)))]
        for name, pair in pairs.items()
        for k, law in enumerate(pair.names)
    ]
    made.tabulate(
        f"Test accuracy in percent: {declared.train} generated images of {declared.classes} "
        f"classes, {declared.steps} steps; the mean with its 95 % interval over seeds.",
        ["law", *(f"seed {k}" for k in range(declared.seeds)), "mean"],
        rows,
    )
    made.items(*(_said(name, pair, declared, measured) for name, pair in pairs.items()))
    return made


def _accuracies(found: list[float]) -> list[str]:
    return [*(f"{100 * v:.1f}" for v in found), share_interval(found).text(1, 100)]


def _said(name: str, pair: Pair, declared: Declaration, measured: list[Measured]) -> str:
    first, second = (column(measured, "accuracy", name, str(k)) for k in range(2))
    differences = torch.tensor(first) - torch.tensor(second)
    found = verdict(differences, declared.margin, declared.level)
    said = (
        f"{name}: largest difference of A {pair.gap:.1e}; accuracies differ by "
        f"{100 * found.mean:+.2f} points, {100 * (1 - 2 * declared.level):.0f} % interval "
        f"{100 * found.low:+.2f} .. {100 * found.high:+.2f}; "
    )
    if name == "twins":
        margin = f"within the margin of {100 * declared.margin:g} points that was declared first"
        return f"{said}that the two train alike {margin}: {found.word}."
    apart = found.low > 0 or found.high < 0
    means = " against ".join(f"{float(known.a.mean()):.4f}" for known in pair.moments)
    return (
        said
        + ("they train differently. " if apart else "whether they train differently is undecided. ")
        + "To second order the theory allows a difference and does not say how large. The masks "
        f"are the same; the rule of the label, a of R1 ({means} on average), A and all higher "
        "moments under the tilted measure are not, so the pair cannot say which of them acts."
    )


def draw(declared: Declaration, measured: list[Measured]) -> Figure:
    """Accuracy of every law, over seeds."""
    rows = {
        f"{name}: {law}": [
            Interval(*(100 * v for v in share_interval(column(measured, "accuracy", name, str(k)))))
        ]
        for name, make in PAIRS.items()
        for k, law in enumerate(make(declared).names)
    }
    return dots(
        rows,
        ("mean with 95 % interval over seeds",),
        "Test accuracy of twins and look-alikes",
        "test accuracy, %",
    )


EXPERIMENT = Experiment("twins", Declaration(), units, measure, page, draw)
