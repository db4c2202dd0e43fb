"""Direction of Figure 4 (Park, Yun and Chun, NeurIPS 2022) on networks trained with each law.

The paper: CutMix regularizes products of input gradients of near pixels more than of far ones,
Mixup all alike.  With near and far the means of :func:`theory.gradients.product_map` over short and
long displacements, log(near / far) should then fall under CutMix relative to Mixup; the map's
normalization cancels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from matplotlib.figure import Figure
from torch import nn

from mixlib.core.lam import Beta
from mixlib.core.policy import ByLaw, Policy
from mixlib.methods.vanilla import vanilla

from ..families import families
from ..gradients import input_gradients, product_map
from ..networks import blobs, convolutional, network, train
from .intervals import Interval, paired, share_interval
from .page import Page, listed
from .pictures import dots
from .units import Declaration, Experiment, Found, Measured, Unit, column

PLAIN = "nothing"
KINDS = ("dense", "convolutional")


@dataclass(frozen=True)
class Gradients(Declaration):
    """Sizes of the experiment.

    Attributes:
        size, classes, train, test, noise: of the generated images.
        near, far: longest displacement that counts as near, shortest that counts as far, in pixels.
    """

    seeds: int = 5
    size: int = 16
    classes: int = 4
    train: int = 80
    test: int = 400
    noise: float = 1.5
    steps: int = 100
    alpha: float = 1.0
    near: float = 2.0
    far: float = 8.0
    laws: tuple[str, ...] = ("Mixup", "CutMix", "HMix", "GMix")


def units(declared: Gradients) -> list[Unit]:
    """A network per kind, law and seed."""
    return [
        Unit((kind, name), seed)
        for kind in KINDS
        for name in (PLAIN, *declared.laws)
        for seed in range(declared.seeds)
    ]


def measure(declared: Gradients, unit: Unit) -> Found:
    """Near, far and largest product of one trained network's gradients on its training images."""
    kind, name = unit.variant
    x, y = blobs(declared.train, declared.size, declared.classes, unit.seed, noise=declared.noise)
    policy: Policy = vanilla()
    if name != PLAIN:
        policy = ByLaw(families(declared.alpha)[name].law, Beta(declared.alpha))
    net = untrained(kind, declared, unit.seed)
    dtype = next(net.parameters()).dtype
    train(net, policy, x.to(dtype), y, declared.steps, unit.seed)
    found = product_map(input_gradients(net, x.to(dtype), y).double())
    place = torch.arange(len(found)) - len(found) // 2
    length = (place[:, None] ** 2 + place**2).double().sqrt()
    near = found[(length > 0) & (length <= declared.near)].mean()
    far = found[length >= declared.far].mean()
    unseen, target = blobs(
        declared.test, declared.size, declared.classes, unit.seed, noise=declared.noise
    )
    with torch.no_grad():
        right = (net(unseen.to(dtype)).argmax(1) == target).double().mean()
    return {
        "log near": math.log(near),
        "log far": math.log(far),
        "log peak": math.log(found.max()),
        "contrast": math.log(near / far),
        "accuracy": float(right),
    }


def untrained(kind: str, declared: Gradients, seed: int) -> nn.Module:
    """The random network of a kind."""
    if kind == "dense":
        return network(declared.size, declared.classes, seed)
    return convolutional(declared.classes, seed, channels=1)


def against(measured: Sequence[Measured], kind: str, key: str, name: str, other: str) -> Interval:
    """Difference of a quantity between two laws, paired by seed."""
    return paired(column(measured, key, kind, name), column(measured, key, kind, other))


def page(declared: Gradients, measured: list[Measured]) -> Page:
    """Near, far and their contrast by law, and whether the direction is the paper's."""
    made = Page(
        "Input gradients after training with each law",
        "Does training with CutMix lower products of near gradients more than those of far ones, "
        "and training with Mixup all alike (Figure 4)?",
    )
    made.say(
        f"{declared.train} generated images of {declared.classes} classes, {declared.size} x "
        f"{declared.size}, {declared.steps} steps, {declared.seeds} seeds, masks as the methods "
        f"train with (alpha = {declared.alpha:g}). Near: displacements up to {declared.near:g} "
        f"pixels, far: from {declared.far:g}. Natural logarithms; differences to the network "
        "trained without mixing, paired by seed, with 95 % intervals; -0.69 is a half."
    )
    keys = ("log peak", "log near", "log far", "contrast")
    for kind in KINDS:
        rows = []
        for name in declared.laws:
            cells = [against(measured, kind, key, name, PLAIN).text(2, plus=True) for key in keys]
            right = share_interval(column(measured, "accuracy", kind, name))
            rows.append([name, *cells, right.text(1, 100)])
        plain = share_interval(column(measured, "accuracy", kind, PLAIN)).text(1, 100, " %")
        made.tabulate(
            f"Networks: {kind}. Accuracy is that on unseen images; without mixing it is {plain}.",
            ["trained with", *keys[:3], "contrast: near - far", "accuracy, %"],
            rows,
        )
    made.items(*(_verdict(measured, kind) for kind in KINDS), _lowered(declared, measured))
    return made


def _verdict(measured: Sequence[Measured], kind: str) -> str:
    """Figure 4's direction on one kind of network."""
    found = against(measured, kind, "contrast", "CutMix", "Mixup")
    said = {
        -1: "the paper's direction: CutMix lowers near products more than far ones, relative to "
        "Mixup",
        0: "undecided: the interval holds 0",
        1: "against the paper's direction: relative to Mixup, CutMix lowers far products more",
    }[found.sign]
    flat = against(measured, kind, "contrast", "Mixup", PLAIN)
    alike = {
        0: "has an interval that holds 0: no sign that near and far differ",
        -1: "is below 0: near ones fall more, not all alike",
        1: "is above 0: far ones fall more, not all alike",
    }[flat.sign]
    return (
        f"{kind}: contrast of CutMix minus Mixup {found.text(2, plus=True)}: {said}. Mixup's own "
        f"contrast against no mixing, {flat.text(2, plus=True)}, {alike}."
    )


def _lowered(declared: Gradients, measured: Sequence[Measured]) -> str:
    """Whether mixing lowers the largest product at all."""
    words: dict[int, list[str]] = {-1: [], 0: [], 1: []}
    for kind in KINDS:
        for name in declared.laws:
            found = against(measured, kind, "log peak", name, PLAIN)
            words[found.sign].append(f"{name} ({kind})")
    return (
        f"The largest product falls against no mixing for {listed(words[-1])}; rises for "
        f"{listed(words[1])}; undecided for {listed(words[0])}."
    )


def draw(declared: Gradients, measured: list[Measured]) -> Figure:
    """Near and far products against no mixing."""
    rows = {
        f"{name}, {kind}": [
            against(measured, kind, key, name, PLAIN) for key in ("log near", "log far")
        ]
        for kind in KINDS
        for name in declared.laws
    }
    labels = (f"near, up to {declared.near:g} pixels", f"far, from {declared.far:g} pixels")
    return dots(rows, labels, "products of input gradients", "log ratio to no mixing")


EXPERIMENT = Experiment("gradients", Gradients(), units, measure, page, draw)
