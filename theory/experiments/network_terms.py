"""R1, R2, R3 and the remainder of every family on three kinds of trained networks: dense,
convolutional and a vision transformer, by :func:`theory.explain`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from torch import nn

from mixlib.core.policy import ByLaw

from ..explanation import TERMS, explain
from ..families import families
from ..networks import blobs, convolutional, network, train, vision_transformer
from ..plots import COLORS, figure
from .intervals import Interval, mean_interval, paired
from .page import Page, listed
from .pictures import reach
from .units import Declaration, Experiment, Found, Measured, Unit, column

KINDS = ("dense", "convolutional", "ViT")


@dataclass(frozen=True)
class NetworkTerms(Declaration):
    """Sizes of the experiment.

    Attributes:
        size, classes, train, noise: of the generated images; steps: of training.
        directions: sampled displacements per network and family.
    """

    seeds: int = 3
    size: int = 16
    classes: int = 4
    train: int = 48
    noise: float = 1.0
    steps: int = 60
    alpha: float = 1.0
    directions: int = 128
    laws: tuple[str, ...] = (
        *("Mixup", "CutMix", "HMix", "GMix", "FMix", "ResizeMix, place", "GridMix", "TokenMix"),
    )


def units(declared: NetworkTerms) -> list[Unit]:
    """A network per kind and seed."""
    return [Unit((kind,), seed) for kind in KINDS for seed in range(declared.seeds)]


def untrained(kind: str, declared: NetworkTerms, seed: int) -> nn.Module:
    """The random network of a kind, one channel, smooth."""
    if kind == "dense":
        return network(declared.size, declared.classes, seed)
    if kind == "convolutional":
        return convolutional(declared.classes, seed, channels=1).double()
    return vision_transformer(declared.size, declared.classes, seed)


def measure(declared: NetworkTerms, unit: Unit) -> Found:
    """Terms of every family on one network that was trained with a random choice of Mixup and
    CutMix for every sample."""
    (kind,), known = unit.variant, families(declared.alpha)
    x, y = blobs(declared.train, declared.size, declared.classes, unit.seed, noise=declared.noise)
    both = known["Mixup & CutMix"]
    net = untrained(kind, declared, unit.seed)
    train(net, ByLaw(both.law, both.lam), x, y, declared.steps, unit.seed)
    found = {"accuracy": float((net(x).argmax(1) == y).double().mean())}
    for name in declared.laws:
        policy = ByLaw(known[name].law, known[name].lam)
        seen = explain(policy, net, x, y, directions=declared.directions, seed=unit.seed)
        found |= {f"{name}: {term}": seen.terms[term].value for term in TERMS}
        found[f"{name}: penalty"] = seen.penalty.value
    return found


def page(declared: NetworkTerms, measured: list[Measured]) -> Page:
    """The terms by family and network."""
    made = Page(
        "R1, R2 and R3 on three kinds of networks",
        "What does each family of masks add to the loss of a dense network, a convolutional one "
        "and a vision transformer?",
    )
    made.say(
        f"{declared.train} generated images of {declared.classes} classes, {declared.size} x "
        f"{declared.size}; {declared.seeds} networks of each kind, one a seed, each trained for "
        f"{declared.steps} steps with Mixup & CutMix: every sample's mask is Mixup's or CutMix', "
        f"at random and equally often. {declared.directions} sampled displacements, alpha = "
        f"{declared.alpha:g}. Terms, remainder and penalty in nats; means over seeds with 95 % "
        "intervals."
    )
    for kind in KINDS:
        rows = [
            [name, *(_term(measured, kind, name, key).text(3, plus=True) for key in _keys())]
            for name in declared.laws
        ]
        right = mean_interval(column(measured, "accuracy", kind)).value
        made.tabulate(
            f"{kind}, {100 * right:.0f} % of the training images right.",
            ["family", *_keys()],
            rows,
        )
    made.items(*(_said(declared, measured, kind) for kind in KINDS))
    return made


def _keys() -> list[str]:
    return [*TERMS, "penalty"]


def _term(measured: list[Measured], kind: str, name: str, key: str) -> Interval:
    return mean_interval(column(measured, f"{name}: {key}", kind))


def _said(declared: NetworkTerms, measured: list[Measured], kind: str) -> str:
    """What R2 does against Mixup's, and how much of the penalty the terms explain."""
    first, *others = declared.laws
    words: dict[int, list[str]] = {-1: [], 0: [], 1: []}
    for name in others:
        own, mixup = (column(measured, f"{law}: R2", kind) for law in (name, first))
        words[paired(own, mixup).sign].append(name)
    shares = []
    for name in declared.laws:
        parts = [_term(measured, kind, name, key).value for key in ("R1", "R2", "R3")]
        shares.append(100 * sum(parts) / _term(measured, kind, name, "penalty").value)
    return (
        f"{kind}: R2 is above {first}'s (95 % interval, paired by seed) for "
        f"{listed(words[1])}; below for {listed(words[-1])}; undecided for {listed(words[0])}. "
        f"R1 + R2 + R3 are {min(shares):.0f} to {max(shares):.0f} % of the penalty (median "
        f"{np.median(shares):.0f} %)."
    )


def draw(declared: NetworkTerms, measured: list[Measured]) -> Figure:
    """One panel a network, one group of bars a family."""
    made, axes = figure(1, len(KINDS), 12, 0.9 + 0.42 * len(declared.laws))
    for axis, kind in zip(axes, KINDS, strict=True):
        for k, term in enumerate(TERMS):
            found = [_term(measured, kind, name, term) for name in declared.laws]
            places = [i + (k - 1.5) * 0.2 for i in range(len(found))]
            axis.barh(
                places,
                [v.value for v in found],
                height=0.19,
                xerr=reach(found),
                color=COLORS[k + 1],
                label=term if kind == KINDS[0] else None,
                error_kw={"linewidth": 0.8},
            )
        axis.axvline(0, color="black", linewidth=0.8)
        axis.set(title=kind, xlabel="nats (lines: 95 % interval over seeds)")
        axis.set_yticks(
            range(len(declared.laws)),
            declared.laws if kind == KINDS[0] else [""] * len(declared.laws),
        )
        axis.invert_yaxis()
    made.legend(fontsize=9, loc="outside lower center", ncols=4)
    return made


EXPERIMENT = Experiment("network_terms", NetworkTerms(), units, measure, page, draw)
