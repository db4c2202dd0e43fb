"""No one fits all: generated worlds with a knob for the distance of what discriminates, a predicted
order of methods, and the measured one (Park, Yun and Chun, NeurIPS 2022, sections 4 and 5).

A class is told by two patches, ``distance`` pixels apart, each with a pattern of the class; so the
products of input gradients of a plain network lie at displacements within a patch and around that
distance.  The paper's reading: a method suits a world better, the more its coefficients weigh the
displacements where those products are.  Made a number here:

    score = sum_jk A_jk W_jk / (mean A sum_jk W_jk),   W_jk = mean_i |d_j f(x_i) d_k f(x_i)|,

with f the true class's logit of networks trained without mixing on other seeds; 1 for Mixup
whatever the world.  The worlds of the verdict were declared before any of them was trained on;
others (distances 3 and 7) were used while this was written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from matplotlib.figure import Figure
from torch import Tensor

from mixlib.core.lam import Beta
from mixlib.core.policy import ByLaw
from mixlib.methods.vanilla import vanilla
from mixlib.seed import generator

from ..families import families
from ..gradients import input_gradients
from ..moments import exact_moments
from ..networks import network, train
from ..plots import figure, style
from .intervals import (
    Interval,
    bootstrap,
    chance,
    mean_interval,
    paired,
    rank_correlation,
    unpaired,
)
from .page import Page, listed
from .pictures import reach
from .units import Declaration, Experiment, Found, Measured, Unit, column

PLAIN = "nothing"


@dataclass(frozen=True)
class Distances(Declaration):
    """Sizes of the experiment, and the worlds that were not looked at before.

    Attributes:
        held_out: worlds of the verdict, as (distance of the patches in pixels, world seed): the
            seed places the patches and draws the classes' patterns.
        size, classes, train, test: of the images; patch: side of a patch; strength: of its pattern
            relative to the noise.
        plain_seeds: networks without mixing from which the order is predicted.
    """

    held_out: tuple[tuple[int, int], ...] = (
        *((1, 101), (2, 102), (4, 103), (5, 104)),
        *((8, 105), (9, 106), (10, 107), (12, 108)),
    )
    seeds: int = 5
    size: int = 16
    patch: int = 4
    classes: int = 4
    train: int = 100
    test: int = 1000
    strength: float = 1.0
    steps: int = 120
    alpha: float = 1.0
    plain_seeds: int = 2
    laws: tuple[str, ...] = ("Mixup", "CutMix", "HMix", "GMix")


def world(
    declared: Distances, distance: int, which: int, count: int, seed: int
) -> tuple[Float[Tensor, "n 1 h w"], Int[Tensor, " n"]]:
    """Images of a world: two patches with the class's patterns, and white noise; float64.

    Args:
        distance: between the patches' centers, in pixels.
        which: the world's seed: direction, place and patterns.
        count: number of images; seed: of this sample.
    """
    size, patch = declared.size, declared.patch
    fixed = generator(which, "world", distance)
    signs = torch.randn(declared.classes, 2, patch, patch, generator=fixed, dtype=torch.float64)
    down = distance if torch.rand((), generator=fixed) < 0.5 else 0
    across = distance - down
    room = torch.tensor([size - patch - down, size - patch - across])
    top, left = (torch.rand(2, generator=fixed) * (room + 1)).long().tolist()
    rng = generator(seed, "sample", which, distance, count)
    y = torch.arange(count) % declared.classes
    x = torch.randn(count, 1, size, size, generator=rng, dtype=torch.float64)
    for k, (row, start) in enumerate(((top, left), (top + down, left + across))):
        seen = x[:, 0, row : row + patch, start : start + patch]
        seen += declared.strength * signs[y, k]
    return x, y


def units(declared: Distances) -> list[Unit]:
    """Per world: the predictions' networks, then every law and seed."""
    found = []
    for distance, which in declared.held_out:
        place = (str(distance), str(which))
        found += [Unit((*place, PLAIN), seed) for seed in range(declared.plain_seeds)]
        found += [
            Unit((*place, name), seed) for name in declared.laws for seed in range(declared.seeds)
        ]
    return found


def measure(declared: Distances, unit: Unit) -> Found:
    """Accuracy of one network; of one that was not mixed, every law's score."""
    distance, which, name = int(unit.variant[0]), int(unit.variant[1]), unit.variant[2]
    plain, known = name == PLAIN, families(declared.alpha)
    # predictions come from other data and weights than measurements
    seed = unit.seed + (1000 if plain else 0)
    x, y = world(declared, distance, which, declared.train, seed)
    policy = vanilla() if plain else ByLaw(known[name].law, Beta(declared.alpha))
    net = train(network(declared.size, declared.classes, seed), policy, x, y, declared.steps, seed)
    unseen, target = world(declared, distance, which, declared.test, seed + 10_000)
    found = {"accuracy": float((net(unseen).argmax(1) == target).double().mean())}
    if plain:
        found |= {law: score(declared, law, input_gradients(net, x, y)) for law in declared.laws}
    return found


def score(declared: Distances, law: str, gradients: Float[Tensor, "n C h w"]) -> float:
    """How much a law's coefficients weigh the pixel pairs with large gradient products, relative to
    their mean: 1 for Mixup."""
    family, size = families(declared.alpha)[law], (declared.size, declared.size)
    slope = gradients.square().sum(1).sqrt().flatten(1)
    weight = slope.T @ slope / len(slope)
    A = exact_moments(family.law, family.lam, size).A
    return float((A * weight).sum() / (A.mean() * weight.sum()))


def scores(
    declared: Distances, measured: Sequence[Measured], place: tuple[str, str]
) -> list[float]:
    """Predicted score of every law in a world."""
    return [float(np.mean(column(measured, law, *place, PLAIN))) for law in declared.laws]


def accuracies(
    declared: Distances, measured: Sequence[Measured], place: tuple[str, str]
) -> np.ndarray:
    """Measured accuracies of a world, [laws, seeds]."""
    return np.array([column(measured, "accuracy", *place, law) for law in declared.laws])


class Agreement:
    """Rank correlation of predicted and measured orders, over worlds and seeds."""

    def __init__(self, declared: Distances, measured: Sequence[Measured]) -> None:
        self.places = [(str(d), str(w)) for d, w in declared.held_out]
        self.scores = [scores(declared, measured, place) for place in self.places]
        self.found = np.stack([accuracies(declared, measured, p) for p in self.places])

    def by_world(self) -> list[float]:
        """Kendall's tau in every world."""
        return [
            rank_correlation(one, found.mean(1).tolist())
            for one, found in zip(self.scores, self.found, strict=True)
        ]

    def interval(self) -> Interval:
        """Mean over the worlds; worlds are drawn again, and seeds within each."""
        seeds = self.found.shape[2]
        rng = np.random.default_rng(1)

        def mean(chosen: np.ndarray) -> float:
            plain = bool((chosen == np.arange(len(chosen))).all())
            taus = []
            for k in chosen:
                again = np.arange(seeds) if plain else rng.integers(0, seeds, seeds)
                taus.append(
                    rank_correlation(self.scores[k], self.found[k][:, again].mean(1).tolist())
                )
            return float(np.mean(taus))

        return bootstrap(mean, len(self.places), draws=1000)


def page(declared: Distances, measured: list[Measured]) -> Page:
    """Predicted and measured orders by world, and how they agree."""
    made = Page(
        "No one fits all",
        "Do the coefficients A and the gradients of a plain network predict which mixing method "
        "suits a world?",
    )
    made.say(
        f"Generated worlds of {declared.classes} classes, each told by two patches of "
        f"{declared.patch} x {declared.patch} pixels at a distance; {declared.train} training "
        f"images of {declared.size} x {declared.size}, {declared.test} unseen ones, softplus "
        f"networks, {declared.steps} steps, {declared.seeds} seeds; predictions from "
        f"{declared.plain_seeds} networks trained without mixing on other seeds. The worlds were "
        "declared before any was trained on; each distance is one world, with a place and "
        "patterns of its own."
    )
    made.say(
        "In brackets the predicted score, sum_jk A_jk W_jk / (mean A sum_jk W_jk) with W_jk the "
        "mean over images of |df/dx_j df/dx_k| of those networks, f the true class's logit: how "
        "much a law's coefficients weigh the pixel pairs with large gradient products, relative "
        "to their mean. Higher is predicted to suit the world better; Mixup's is 1 in every world."
    )
    agreement = Agreement(declared, measured)
    plain = [column(measured, "accuracy", *place, PLAIN) for place in agreement.places]
    rows = []
    for place, unmixed, score_of, found, tau in zip(
        agreement.places,
        plain,
        agreement.scores,
        agreement.found,
        agreement.by_world(),
        strict=True,
    ):
        cells = [f"{100 * a:.1f} ({s:.4f})" for a, s in zip(found.mean(1), score_of, strict=True)]
        spread = 100 * float(found.std(1, ddof=1).mean()) / declared.seeds**0.5
        first = [f"distance {place[0]}", f"{100 * np.mean(unmixed):.1f}"]
        rows.append([*first, *cells, f"{spread:.1f}", f"{tau:+.2f}"])
    made.tabulate(
        "Accuracy in percent on unseen images, mean over seeds, with the predicted score; mean "
        "standard error of a law's accuracy; Kendall's tau of the laws' orders by score and by "
        f"accuracy. {PLAIN}: mean of the {declared.plain_seeds} networks of the prediction.",
        ["world", PLAIN, *declared.laws, "error", "tau"],
        rows,
    )
    found = agreement.interval()
    made.items(
        f"Predicted and measured order agree {chance(found)}: mean tau {found.text(2, plus=True)} "
        f"over {len(rows)} worlds.",
        _spread(declared, agreement),
        *_winners(declared, agreement, plain),
        _no_one_fits_all(declared, agreement),
        _trend(declared, agreement),
    )
    return made


def _spread(declared: Distances, agreement: Agreement) -> str:
    """Whether the score tells the worlds apart at all."""
    orders = [tuple(np.argsort(one)) for one in agreement.scores]
    common = max(set(orders), key=orders.count)
    said = " < ".join(declared.laws[k] for k in common)
    spread = np.ptp(agreement.scores, axis=1).max()
    return (
        f"The predicted order is {said} in {orders.count(common)} of {len(orders)} worlds, and the "
        f"scores of a world spread by at most {spread:.4f}: "
        + (
            "the prediction hardly depends on the world."
            if orders.count(common) > len(orders) / 2
            else "the prediction depends on the world."
        )
    )


def _winners(declared: Distances, agreement: Agreement, plain: list[list[float]]) -> list[str]:
    """How often the predicted best has the highest accuracy, and who has it how often, networks
    without mixing included."""
    best = [declared.laws[int(np.argmax(s))] for s in agreement.scores]
    won = [declared.laws[int(np.argmax(f.mean(1)))] for f in agreement.found]
    hits = sum(a == b for a, b in zip(best, won, strict=True))
    first, against = list(won), []
    for k, (unmixed, found) in enumerate(zip(plain, agreement.found, strict=True)):
        law = declared.laws.index(won[k])
        less = unpaired(unmixed, found[law].tolist())
        if less.value > 0:
            first[k] = PLAIN
            decided = "an interval above 0" if less.sign > 0 else "undecided"
            against.append(
                f"at distance {agreement.places[k][0]} no mixing is {less.text(1, 100, plus=True)} "
                f"points above {won[k]} ({decided})"
            )
    counts = ", ".join(f"{name} {first.count(name)}" for name in (PLAIN, *declared.laws))
    said = f"Highest mean accuracy, by number of worlds: {counts}"
    return [
        f"The law with the highest score has the highest accuracy of the laws in {hits} of "
        f"{len(won)} worlds ({len(won) / len(declared.laws):.1f} by chance).",
        "; ".join([said, *against]) + ".",
    ]


def _no_one_fits_all(declared: Distances, agreement: Agreement) -> str:
    """Whether every law is beaten by another in some world, by intervals that account for the
    number of comparisons."""
    laws, places = declared.laws, agreement.places
    count = len(places) * (len(laws) - 1)
    beaten, ahead = {}, {}
    for k, law in enumerate(laws):
        signs = [
            [
                paired(list(f[k]), list(f[m]), 1 - 0.05 / count).sign
                for m in range(len(laws))
                if m != k
            ]
            for f in agreement.found
        ]
        beaten[law] = [p[0] for p, one in zip(places, signs, strict=True) if -1 in one]
        ahead[law] = all(min(one, default=1) > 0 for one in signs)
    by = f"intervals that account for {count} comparisons of a law with the others"
    if any(ahead.values()):
        (best,) = (law for law in laws if ahead[law])
        return f"By {by}, one method fits all of these worlds: {best}."
    never = [law for law in laws if not beaten[law]]
    where = "; ".join(
        f"{law} at distance {listed(found)}" for law, found in beaten.items() if found
    )
    said = f"Beaten by another law, by {by}: {where or 'none'}. "
    if never:
        return f"{said}Whether no one fits all of them is undecided; never beaten: {listed(never)}."
    return f"{said}No one fits all of them."


def _trend(declared: Distances, agreement: Agreement) -> str:
    """Whether CutMix' advantage over Mixup falls with distance, as the paper says."""
    mixup, cutmix = declared.laws.index("Mixup"), declared.laws.index("CutMix")
    gain = agreement.found[:, cutmix].mean(1) - agreement.found[:, mixup].mean(1)
    distance = [float(d) for d, _ in agreement.places]
    found = bootstrap(
        lambda chosen: rank_correlation([distance[k] for k in chosen], gain[chosen].tolist()),
        len(distance),
    )
    said = {
        -1: "falls with the distance, as the paper says",
        0: "has an undecided trend with the distance",
        1: "rises with the distance, against the paper",
    }[found.sign]
    mean = mean_interval(gain.tolist())
    return (
        f"The advantage of CutMix over Mixup, {mean.text(1, 100, plus=True)} points, {said}: tau "
        f"{found.text(2, plus=True)}."
    )


def draw(declared: Distances, measured: list[Measured]) -> Figure:
    """Score and accuracy relative to Mixup, by distance."""
    agreement = Agreement(declared, measured)
    made, axes = figure(1, 2, 9, 3.6)
    distance = [int(d) for d, _ in agreement.places]
    mixup = declared.laws.index("Mixup")
    for k, law in enumerate(declared.laws):
        axes[0].plot(distance, [s[k] for s in agreement.scores], marker="o", label=law, **style(k))
        if k == mixup:
            continue
        gains = [paired(f[k].tolist(), f[mixup].tolist()) for f in agreement.found]
        axes[1].errorbar(
            [d + 0.15 * (k - 2) for d in distance],
            [100 * g.value for g in gains],
            yerr=reach(gains, 100),
            marker="o",
            markersize=4,
            capsize=2,
            label=law,
            **style(k),
        )
    axes[1].axhline(0, color="black", linewidth=0.8)
    axes[0].set(
        title="predicted (higher: suits better)",
        xlabel="distance of the patches, pixels",
        ylabel="score",
    )
    axes[1].set(
        title="measured, paired by seed (bars: 95 %)",
        xlabel="distance of the patches, pixels",
        ylabel="accuracy - Mixup's, points",
    )
    axes[0].legend(fontsize=8)
    return made


EXPERIMENT = Experiment("distances", Distances(), units, measure, page, draw)
