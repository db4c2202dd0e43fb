"""First-layer form of R1, R2 and R3 on dense and convolutional networks, and what training with
each law does to the first layer (Park, Yun and Chun, NeurIPS 2022, section 3).

The form is an identity, checked here on trained networks; that mixing regularizes the first layer
is a claim, measured as the mean square of its products sum_a W_aj df/dW_aj after training with each
law and without mixing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from matplotlib.figure import Figure
from torch import nn
from torch.nn import functional as F

from mixlib.core.lam import Beta
from mixlib.core.policy import ByLaw, Policy
from mixlib.methods.vanilla import vanilla

from ..expansion.terms import swapped
from ..families import families
from ..first_layer import first_layer, products, split
from ..moments import exact_moments
from ..networks import blobs, network, small_convolutional, train
from .intervals import Interval, mean_interval, paired
from .page import Page, listed
from .pictures import dots
from .units import Declaration, Experiment, Found, Measured, Unit, column

PLAIN = "nothing"
KINDS = ("dense", "convolutional")


@dataclass(frozen=True)
class FirstLayers(Declaration):
    """Sizes of the experiment.

    Attributes:
        size, classes, train, noise: of the generated images; few: images of the identity.
    """

    seeds: int = 4
    size: int = 8
    classes: int = 3
    train: int = 48
    few: int = 6
    noise: float = 1.0
    steps: int = 100
    alpha: float = 1.0
    laws: tuple[str, ...] = ("Mixup", "CutMix", "HMix", "GMix")


def units(declared: FirstLayers) -> list[Unit]:
    """A network per kind, law and seed."""
    return [
        Unit((kind, name), seed)
        for kind in KINDS
        for name in (PLAIN, *declared.laws)
        for seed in range(declared.seeds)
    ]


def measure(declared: FirstLayers, unit: Unit) -> Found:
    """Both forms of the terms of one network under its own law, and its first layer's products."""
    (kind, name), known, size = unit.variant, families(declared.alpha), declared.size
    x, labels = blobs(declared.train, size, declared.classes, unit.seed, noise=declared.noise)
    policy: Policy = vanilla()
    if name != PLAIN:
        policy = ByLaw(known[name].law, Beta(declared.alpha))
    make = network if kind == "dense" else small_convolutional
    net = train(make(size, declared.classes, unit.seed), policy, x, labels, declared.steps)
    assert isinstance(net, nn.Sequential)
    rest, weight = split(net, (1, size, size))
    product = products(rest, weight, x.flatten(1), declared.classes)
    found = {
        "log products": math.log(product.square().mean()),
        "log weights": math.log(weight.square().mean()),
    }
    if name == PLAIN:
        return found
    few = x[: declared.few] - x[: declared.few].mean(0)
    y = F.one_hot(labels[: declared.few], declared.classes).double()
    moments = exact_moments(known[name].law, known[name].lam, (size, size))
    by_layer = first_layer(rest, weight, few.flatten(1), y, moments)
    known_terms = swapped(net, few, y, moments)
    scale = sum(abs(v) for v in known_terms[1:])
    gap = max(abs(a - b) for a, b in zip(by_layer[:3], known_terms[1:], strict=True))
    return {**found, **by_layer._asdict(), "off": gap / scale}


def against(measured: list[Measured], kind: str, key: str, name: str) -> Interval:
    """Difference of a quantity to no mixing, paired by seed."""
    return paired(column(measured, key, kind, name), column(measured, key, kind, PLAIN))


def page(declared: FirstLayers, measured: list[Measured]) -> Page:
    """The identity, own shares, and the first layer after training."""
    made = Page(
        "The first layer",
        "Are R1, R2 and R3 functions of first-layer weights and their derivatives, also where the "
        "first layer is a convolution, and does training with mixing shrink the products of the "
        "two?",
    )
    made.say(
        f"{declared.train} generated images of {declared.classes} classes, {declared.size} x "
        f"{declared.size}; softplus networks, {declared.steps} steps, {declared.seeds} seeds, "
        f"masks as the methods train with (alpha = {declared.alpha:g}); terms on {declared.few} of "
        "the images, under the law that the network was trained with. Products: for image i, "
        "logit f_c and pixel j, sum_a W_aj df_c/dW_aj over the units a of the first layer, whose "
        "matrix is W (a convolution's is unrolled); it equals x_ij df_c/dx_j. Brackets are 95 % "
        "intervals."
    )
    keys, rows, worst = ("R1", "R2", "R3", "R2_own", "R3_own"), [], 0.0
    for kind in KINDS:
        for name in declared.laws:
            off = max(column(measured, "off", kind, name))
            worst = max(worst, off)
            terms = (mean_interval(column(measured, key, kind, name)) for key in keys)
            rows.append([f"{name}, {kind}", *(f"{v.value:+.2e}" for v in terms), f"{off:.0e}"])
    made.tabulate(
        "Terms from the first layer, means over seeds; own: the part of x_i x_i^T, a function of "
        "first-layer products; off: largest difference of R1, R2 and R3 to input gradients and "
        "Hessians, relative to their sum.",
        ["law, network", "R1", "R2", "R3", "R2 own", "R3 own", "off"],
        rows,
    )
    rows = []
    words: dict[int, list[str]] = {-1: [], 0: [], 1: []}
    for kind in KINDS:
        for name in declared.laws:
            found = against(measured, kind, "log products", name)
            weights = against(measured, kind, "log weights", name)
            words[found.sign].append(f"{name} ({kind})")
            cells = [found.text(2, plus=True), weights.text(2, plus=True)]
            rows.append([f"{name}, {kind}", *cells])
    made.tabulate(
        "After training, against no mixing, paired by seed: natural logarithms of the mean square "
        "of the products (over images, logits and pixels) and of the first layer's weights.",
        ["law, network", "products", "weights"],
        rows,
    )
    made.items(
        f"The first-layer form is exact: largest relative difference {worst:.0e} over "
        f"{len(KINDS) * len(declared.laws) * declared.seeds} trained networks.",
        f"Mixing shrinks the first layer's products for {listed(words[-1])}; it enlarges them, "
        f"against the paper's reading, for {listed(words[1])}; undecided for {listed(words[0])}.",
    )
    return made


def draw(declared: FirstLayers, measured: list[Measured]) -> Figure:
    """First-layer products and weights against no mixing."""
    rows = {
        f"{name}, {kind}": [
            against(measured, kind, key, name) for key in ("log products", "log weights")
        ]
        for kind in KINDS
        for name in declared.laws
    }
    labels = ("products of weights and their derivatives", "weights")
    return dots(
        rows,
        labels,
        "First layer after training",
        "log ratio of mean squares to no mixing, with 95 % interval",
    )


EXPERIMENT = Experiment("first_layer", FirstLayers(), units, measure, page, draw)
