"""Generalization: the bound's mask-dependent dimension beside measured gaps (Park, Yun and Chun,
NeurIPS 2022; bound: :mod:`theory.generalization`).

Linear classifiers, the class of the bound, are trained with each law on samples of several sizes.
The bound says that the gap between loss on unseen and on training images grows with
sqrt(theta^T (A o Sigma) theta d_eff / n), of which d_eff = tr((A o Sigma)^+ Sigma) is what the mask
law alone decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from mixlib.core.lam import Beta
from mixlib.core.mask import MaskLaw
from mixlib.core.policy import ByLaw
from mixlib.masks.designed import Mixture
from mixlib.methods.cutmix import Box
from mixlib.methods.gridmix import CoinCells
from mixlib.methods.hmix import HMix
from mixlib.methods.mixup import Flat

from ..generalization import generalization
from ..moments import exact_moments
from ..moments.lam import mixup_coefficient
from ..networks import blobs, linear, train
from .intervals import (
    Interval,
    bootstrap,
    chance,
    mean_interval,
    rank_correlation,
)
from .page import Page
from .pictures import dots
from .units import Declaration, Experiment, Found, Measured, Unit, column

# E[M | lambda] = lambda and the label is lambda, as the bound assumes
LAWS: dict[str, MaskLaw] = {
    "Mixup": Flat(),
    "CutMix (torus)": Box("wrap", label="drawn"),
    "Mixup & CutMix": Mixture((Flat(), Box("wrap", label="drawn")), (0.5, 0.5)),
    "HMix r = 0.25": HMix(0.25, "wrap"),
    "HMix r = 0.5": HMix(0.5, "wrap"),
    "HMix r = 0.75": HMix(0.75, "wrap"),
    "cells 2 x 2": CoinCells((2, 2)),
    "cells 4 x 4": CoinCells((4, 4)),
    "cells 8 x 8": CoinCells((8, 8)),
}
# measured quantities as rows of the page
SAID = {"dimension": "effective dimension", "complexity": "complexity"}


@dataclass(frozen=True)
class Generalization(Declaration):
    """Sizes of the experiment.

    Attributes:
        size, test, noise: of the generated images of two classes; samples: of training.
        steps: of full-batch training.
    """

    seeds: int = 5
    size: int = 8
    samples: tuple[int, ...] = (40, 80, 160)
    test: int = 2000
    noise: float = 3.0
    steps: int = 100
    alpha: float = 1.0


def units(declared: Generalization) -> list[Unit]:
    """A classifier per sample size, law and seed."""
    return [
        Unit((str(n), name), seed)
        for n in declared.samples
        for name in LAWS
        for seed in range(declared.seeds)
    ]


def measure(declared: Generalization, unit: Unit) -> Found:
    """Dimension, complexity and gap of one classifier."""
    n, law, lam = int(unit.variant[0]), LAWS[unit.variant[1]], Beta(declared.alpha)
    x, y = blobs(n, declared.size, 2, unit.seed, noise=declared.noise)
    net = linear(declared.size, 2, unit.seed)
    train(net, ByLaw(law, lam, "sample", "permute"), x, y, declared.steps, unit.seed)
    parts = generalization(x, law, lam, gamma=1.0)
    unseen, target = blobs(declared.test, declared.size, 2, unit.seed, noise=declared.noise)
    losses, right = [], []
    for images, labels in ((x, y), (unseen, target)):
        f = net(images)
        losses.append(float(F.cross_entropy(f, labels)))
        right.append(float((f.argmax(1) == labels).double().mean()))
    strength = penalty(net, x, law, lam)
    return {
        "dimension": parts.dimension,
        "complexity": (strength * parts.dimension / n) ** 0.5,
        "gap": losses[1] - losses[0],
        "accuracy gap": right[0] - right[1],
    }


def penalty(net: nn.Module, x: Tensor, law: MaskLaw, lam: Beta) -> float:
    """theta^T (A o Sigma) theta of the classifier's difference of two logits."""
    weight = next(net.parameters()).detach()
    theta = weight[1] - weight[0]
    flat = x.flatten(1)
    coefficients = exact_moments(law, lam, (x.shape[-2], x.shape[-1])).A
    return float(theta @ (coefficients * (flat.T @ flat / len(flat))) @ theta)


def _by_law(measured: Sequence[Measured], n: int, key: str) -> NDArray[np.float64]:
    """One row a law, one column a seed."""
    return np.array([column(measured, key, str(n), name) for name in LAWS])


def correlations(declared: Generalization, measured: list[Measured], key: str) -> list[Interval]:
    """Rank correlation over the laws of a quantity's mean with the gap's, by sample size and then
    their mean; seeds are drawn again."""
    tables = [(_by_law(measured, n, key), _by_law(measured, n, "gap")) for n in declared.samples]

    def one(k: int, chosen: NDArray[np.intp]) -> float:
        first, gap = (t[:, chosen].mean(1).tolist() for t in tables[k])
        return rank_correlation(first, gap)

    def mean(chosen: NDArray[np.intp]) -> float:
        return float(np.mean([one(k, chosen) for k in range(len(tables))]))

    found = [bootstrap(partial(one, k), declared.seeds) for k in range(len(tables))]
    return [*found, bootstrap(mean, declared.seeds)]


def page(declared: Generalization, measured: list[Measured]) -> Page:
    """Dimension and gap by law and sample size, and how their orders agree."""
    made = Page(
        "Generalization: the bound's dimension beside measured gaps",
        "Do mask laws with a smaller effective dimension, as the bound defines it, also generalize "
        "better?",
    )
    made.say(_setting(declared))
    rows = []
    for name in LAWS:
        cells = [name]
        for n in declared.samples:
            found = {
                key: mean_interval(column(measured, key, str(n), name))
                for key in ("dimension", "complexity", "gap")
            }
            cells += [f"{found['dimension'].value:.0f}", f"{found['complexity'].value:.2f}"]
            cells.append(found["gap"].text(3))
        rows.append(cells)
    heads = [
        f"{what}, n = {n}" for n in declared.samples for what in ("d_eff", "complexity", "gap")
    ]
    made.tabulate(
        "Effective dimension d_eff, complexity and gap by sample size n.", ["law", *heads], rows
    )
    places = [f"n = {n}" for n in declared.samples] + ["mean"]
    kinds = {key: correlations(declared, measured, key) for key in ("dimension", "complexity")}
    made.tabulate(
        "Rank correlation (Kendall's tau-b) over the laws with the measured gap; the interval is a "
        "bootstrap over seeds.",
        ["quantity", *places],
        [[SAID[key], *(v.text(2, plus=True) for v in found)] for key, found in kinds.items()],
    )
    bounds = [
        2 * one.found["complexity"] / one.found["gap"] for one in measured if one.found["gap"] > 0
    ]
    gaps = [mean_interval(_by_law(measured, n, "gap").mean(0).tolist()) for n in declared.samples]
    made.items(
        "The order of the laws by d_eff predicts the order of the gaps "
        f"{chance(kinds['dimension'][-1])}: tau {kinds['dimension'][-1].text(2, plus=True)}.",
        "The order by complexity, in which d_eff is multiplied by the penalty that each law's "
        "trained classifier ends with, predicts it "
        f"{chance(kinds['complexity'][-1])}: tau {kinds['complexity'][-1].text(2, plus=True)}.",
        f"Twice the complexity is {np.median(bounds):.0f} times the measured gap in the median "
        f"({100 * np.mean([b > 1 for b in bounds]):.0f} % of the classifiers lie below it): "
        + ("a loose bound." if np.median(bounds) > 3 else "a bound of the right size."),
        "Gap by sample size, all laws: "
        + ", ".join(f"n = {n} {g.text(3)}" for n, g in zip(declared.samples, gaps, strict=True))
        + ".",
    )
    return made


def _setting(declared: Generalization) -> str:
    """What was trained, and what the numbers of the page are."""
    return (
        f"Linear classifiers of two generated classes, {declared.size} x {declared.size} pixels, "
        f"noise {declared.noise:g}, {declared.steps} steps, {declared.seeds} seeds, "
        f"alpha = {declared.alpha:g}; {len(LAWS)} laws that meet the bound's assumptions. The "
        "effective dimension d_eff = tr((A o Sigma)^+ Sigma) weighs the directions of the data by "
        "1/A: it is not a count, and may exceed the number of pixels. Mixup's is the rank of Sigma "
        f"times {1 / mixup_coefficient(Beta(declared.alpha)):g} (1 / c2, its A), the largest "
        "possible. Complexity = sqrt(theta^T (A o Sigma) theta d_eff / n) at the trained theta, of "
        "which the bound takes twice; gap = loss on unseen minus loss on training images. Brackets "
        "are 95 % intervals over seeds."
    )


def draw(declared: Generalization, measured: list[Measured]) -> Figure:
    """Gap by law and sample size, laws in the order of d_eff."""
    n = declared.samples[0]
    order = sorted(LAWS, key=lambda name: np.mean(column(measured, "dimension", str(n), name)))
    rows = {
        f"{name}, d_eff {np.mean(column(measured, 'dimension', str(n), name)):.0f}": [
            mean_interval(column(measured, "gap", str(m), name)) for m in declared.samples
        ]
        for name in order
    }
    labels = [f"n = {m}" for m in declared.samples]
    return dots(
        rows,
        labels,
        f"Generalization gap, laws by effective dimension at n = {n}",
        "gap: loss on unseen - loss on training images, with 95 % interval",
    )


EXPERIMENT = Experiment("generalization", Generalization(), units, measure, page, draw)
