"""Adversarial loss beside its bound (Park, Yun and Chun, NeurIPS 2022, robustness; bound and proof:
:mod:`theory.robustness`).

Bias-free ReLU networks, as the bound assumes, are trained with each law and without mixing.  On the
training points stand the second-order MSDA loss, the plain loss, and the loss under attacks at the
theorem's own radius and multiples of it: within the L2 ball by one step and by projected gradient
ascent, and within the largest l-infinity ball inside it by FGSM and PGD of downstream.robustness.
On unseen points the same two attacks stand at fixed radii.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn import functional as F

from mixlib.core.lam import Beta
from mixlib.core.policy import ByLaw
from mixlib.methods.vanilla import vanilla

from ..families import families
from ..networks import bias_free, blobs, train
from ..robustness import adversarial, attack
from .intervals import Interval, mean_interval, paired, positive_interval, share_interval
from .page import Page, listed, told_apart
from .pictures import dots
from .units import Declaration, Experiment, Found, Measured, Unit, column

PLAIN = "nothing"
CHANCE = math.log(2)


@dataclass(frozen=True)
class Adversarial(Declaration):
    """Sizes of the experiment.

    Attributes:
        size, train, test, noise: of the generated images of two classes; width: of the network.
        steps: of full-batch training.
        laws: families as methods train with them, lambda ~ Beta(alpha, alpha).
        factors: multiples of the theorem's radius on the training points.
        radii: l-infinity radii on the unseen points, in standard deviations of the noise.
    """

    seeds: int = 5
    size: int = 12
    train: int = 60
    test: int = 400
    noise: float = 1.5
    width: int = 32
    steps: int = 200
    alpha: float = 1.0
    laws: tuple[str, ...] = ("Mixup", "CutMix", "HMix", "GMix")
    factors: tuple[float, ...] = (0.5, 1.0, 2.0)
    radii: tuple[float, ...] = (0.05, 0.1, 0.2, 0.4)


def units(declared: Adversarial) -> list[Unit]:
    """A network per law and seed, and one that was not mixed."""
    names = (PLAIN, *declared.laws)
    return [Unit((name,), seed) for name in names for seed in range(declared.seeds)]


def measure(declared: Adversarial, unit: Unit) -> Found:
    """One network: the bound with its own law (with all of them where it was not mixed)."""
    (name,), known = unit.variant, families(declared.alpha)
    make = partial(blobs, size=declared.size, classes=2, seed=unit.seed, noise=declared.noise)
    x, y = make(declared.train)
    net = bias_free(declared.size, 2, unit.seed, declared.width)
    mixed = name != PLAIN
    policy = ByLaw(known[name].law, Beta(declared.alpha)) if mixed else vanilla()
    train(net, policy, x, y, declared.steps, unit.seed)
    found = {"wrong": float((net(x).argmax(1) != y).sum())}
    if not found["wrong"]:
        for law in (name,) if mixed else declared.laws:
            rows = _at_the_radius(declared, net, x, y, law)
            found |= {f"{law}: {key}": value for key, value in rows.items()}
    unseen, target = make(declared.test)
    return found | _at_fixed_radii(declared, net, unseen, target)


def _at_the_radius(declared: Adversarial, net: nn.Module, x: Tensor, y: Tensor, law: str) -> Found:
    """Both sides of the bound, and attacks at multiples of its radius."""

    def logit(images: Tensor) -> Tensor:
        f: Tensor = net(images)
        return f[:, 1:] - f[:, :1]

    family = families(declared.alpha)[law]
    label = y[:, None].to(x.dtype)
    bound = adversarial(logit, x, label, family.law, family.lam)
    reach = bound.radius.clamp(min=0)
    found = {
        "bound": bound.mixed,
        "surrogate": bound.surrogate,
        "plain": bound.plain,
        "radius": float((reach / x.flatten(1).norm(dim=1)).mean()),
        "opposed": bound.opposed / len(x),
    }
    pixels, low, high = as_pixels(x, float(reach.max()) * max(declared.factors))
    for k in declared.factors:
        ball = k * reach
        found[f"FGM {k:g}"] = float(attack(logit, x, label, ball, "logistic", steps=1).mean())
        found[f"PGD {k:g}"] = float(attack(logit, x, label, ball, "logistic").mean())
        inner = (ball / (x[0].numel() ** 0.5 * (high - low))).view(-1, 1, 1, 1)
        found |= {
            f"{kind} {k:g}": float(F.cross_entropy(f, y))
            for kind, f in attacked(net, pixels, y, inner, low, high).items()
        }
    return found


def as_pixels(x: Tensor, margin: float) -> tuple[Tensor, float, float]:
    """Images in [0, 1] with room for an attack of that length, and the values of 0 and 1."""
    low, high = float(x.min()) - margin, float(x.max()) + margin
    return (x - low) / (high - low), low, high


def attacked(
    net: nn.Module, pixels: Tensor, y: Tensor, radius: float | Tensor, low: float, high: float
) -> dict[str, Tensor]:
    """Outputs on images that the evaluations' attacks have moved.

    Args:
        net: takes images whose values of 0 and 1 are low and high.
        pixels, y: images in [0, 1], and labels.
        radius: in every pixel, of [0, 1].
    """
    # an installed mixlib.theory has no downstream beside it, and everything else of this module
    from downstream.robustness.attacks import Normalized, fgsm, pgd

    model = Normalized(net, (-low / (high - low),), (1 / (high - low),))
    moved = {
        "FGSM": fgsm(model, pixels, y, radius),
        "PGD-inf": pgd(model, pixels, y, radius, radius / 4),
    }
    with torch.no_grad():
        return {kind: model(images) for kind, images in moved.items()}


def _at_fixed_radii(declared: Adversarial, net: nn.Module, x: Tensor, y: Tensor) -> Found:
    """Accuracy and loss on unseen points, plain and attacked."""
    pixels, low, high = as_pixels(x, declared.noise * max(declared.radii))
    found = {}
    for r in (0.0, *declared.radii):
        inner = r * declared.noise / (high - low)
        for kind, f in attacked(net, pixels, y, inner, low, high).items():
            found[f"unseen: {kind} {r:g} accuracy"] = float((f.argmax(1) == y).double().mean())
            found[f"unseen: {kind} {r:g} loss"] = float(F.cross_entropy(f, y))
    return found


def page(declared: Adversarial, measured: list[Measured]) -> Page:
    """Bound and attacks on the training points, accuracy on unseen ones, and what follows."""
    made = Page(
        "Adversarial loss beside its bound",
        "Is the second-order MSDA loss above the loss under attack, and is a network that was "
        "trained with mixing harder to attack?",
    )
    made.say(
        f"{declared.train} generated images of two classes, {declared.size} x {declared.size}; "
        f"bias-free ReLU networks of width {declared.width}, {declared.steps} steps, "
        f"{declared.seeds} seeds, masks as the methods train with (alpha = {declared.alpha:g}). "
        "Means over the seeds on which every training point is classified correctly, as the bound "
        "assumes; brackets are 95 % intervals."
    )
    _bound_tables(made, declared, measured)
    _unseen_table(made, declared, measured)
    return made


def _pairs(declared: Adversarial) -> list[tuple[str, str]]:
    """(law of training, law of the bound)."""
    return [(PLAIN, law) for law in declared.laws] + [(law, law) for law in declared.laws]


def meeting(measured: Sequence[Measured], name: str) -> list[Measured]:
    """Networks trained with this law that meet the bound's assumptions."""
    return [
        one for one in measured if one.unit.variant == (name,) and not one.found.get("wrong", 1.0)
    ]


def _bound_tables(made: Page, declared: Adversarial, measured: list[Measured]) -> None:
    kinds = ("FGM", "PGD", "FGSM", "PGD-inf")
    heads = ["trained with", "bound of", "networks", "radius / norm", "plain", "surrogate"]
    heads += ["bound L + R1 + R2", *(f"{k} x{f:g}" for f in declared.factors for k in kinds)]
    rows, holds, vacuous = [], [], []
    for name, law in _pairs(declared):
        chosen = meeting(measured, name)
        if not chosen:
            rows.append([name, law, "0", *["assumption fails"] * (len(heads) - 3)])
            continue

        def mean(key: str, law: str = law, chosen: list[Measured] = chosen) -> float:
            return mean_interval([one.found[f"{law}: {key}"] for one in chosen]).value

        bound = mean("bound")
        rows.append(
            [name, law, str(len(chosen)), *(f"{mean(k):.2g}" for k in ("radius", "plain"))]
            + [f"{v:.2g}" for v in (mean("surrogate"), bound)]
            + [f"{mean(f'{k} {f:g}'):.2g}" for f in declared.factors for k in kinds]
        )
        holds += [one.found[f"{law}: bound"] >= one.found[f"{law}: surrogate"] for one in chosen]
        vacuous += [f"{name} / {law} ({bound:.2g})"] if bound >= CHANCE else []
    made.tabulate(
        "Losses on the training points. x1 is the theorem's own L2 radius: FGM (one step) and PGD "
        "within the L2 ball, FGSM and PGD-inf within the largest l-infinity ball inside it.",
        heads,
        rows,
    )
    made.items(
        f"The inequality bound >= surrogate held for {sum(holds)} of {len(holds)} networks and "
        "laws.",
        "The bound is vacuous, above log 2 = 0.693 which a constant predictor reaches, for "
        f"{listed(vacuous)}."
        if vacuous
        else "The bound is below log 2 for all: not vacuous.",
        _covered(declared, measured),
        *_slack(declared, measured),
    )


def _covered(declared: Adversarial, measured: list[Measured]) -> str:
    """Where the attack exceeds the bound, by the ratio of the two over seeds."""
    words: dict[int, list[str]] = {1: [], 0: [], -1: []}
    for name, law in _pairs(declared):
        if chosen := meeting(measured, name):
            attacked, bound = (
                [one.found[f"{law}: {key}"] for one in chosen] for key in ("PGD 1", "bound")
            )
            sign = paired([math.log(v) for v in attacked], [math.log(v) for v in bound]).sign
            means = told_apart(mean_interval(attacked).value, mean_interval(bound).value)
            words[sign].append(f"{name} / {law} ({means[0]} against {means[1]})")
    said = "The true loss under PGD at the theorem's radius "
    if not words[1] and not words[0]:
        return said + "stays below the bound for all."
    return (
        f"{said}exceeds the bound, which is one between second-order surrogates, for "
        f"{listed(words[1])}; undecided (the 95 % interval of the ratio over seeds holds 1) for "
        f"{listed(words[0])}; below the bound for {listed(words[-1])}."
    )


def _slack(declared: Adversarial, measured: list[Measured]) -> list[str]:
    """How far the bound lies above what it bounds, and up to which multiple it still covers PGD."""
    said = []
    for state, pairs in (("plain", [(PLAIN, law) for law in declared.laws]), ("mixed", None)):
        excess, covered = [], []
        for name, law in pairs or [(law, law) for law in declared.laws]:
            for one in meeting(measured, name):
                bound = one.found[f"{law}: bound"]
                excess.append(bound / one.found[f"{law}: PGD 1"])
                below = [k for k in declared.factors if one.found[f"{law}: PGD {k:g}"] <= bound]
                covered.append(max(below, default=0.0))
        if excess:
            words = "networks trained without mixing" if state == "plain" else "mixed networks"
            said.append(
                f"On {words} the bound is {mean_interval(excess).text(2)} times the loss under PGD "
                f"at the theorem's radius; the largest declared multiple at which the attack stays "
                f"below the bound is {mean_interval(covered).value:.2f} on average."
            )
    return said


def _unseen_table(made: Page, declared: Adversarial, measured: list[Measured]) -> None:
    names = (PLAIN, *declared.laws)
    radii = (0.0, *declared.radii)

    def against(name: str, key: str) -> Interval:
        return paired(column(measured, key, name), column(measured, key, PLAIN))

    for kind in ("FGSM", "PGD-inf"):
        rows = []
        for name in names:
            keys = [f"unseen: {kind} {r:g} accuracy" for r in radii]
            cells = [
                share_interval(column(measured, key, name)).text(1, 100)
                if name == PLAIN
                else against(name, key).text(1, 100, plus=True)
                for key in keys
            ]
            rows.append([name if name == PLAIN else f"{name} - {PLAIN}", *cells])
        made.tabulate(
            f"Accuracy in percent on {declared.test} unseen images under {kind}, by l-infinity "
            "radius in standard deviations of the noise; laws as difference, paired by seed.",
            ["trained with", *(f"r = {r:g}" for r in radii)],
            rows,
        )
    words: dict[int, list[str]] = {1: [], 0: [], -1: []}
    for name in declared.laws:
        for r in declared.radii:
            found = against(name, f"unseen: PGD-inf {r:g} accuracy")
            words[found.sign].append(f"{name} at {r:g}")
    made.items(
        f"Harder to attack than without mixing (PGD-inf, interval above 0): {listed(words[1])}.",
        f"Easier to attack, against what the paper's bound suggests: {listed(words[-1])}.",
        f"Undecided: {listed(words[0])}.",
    )


def draw(declared: Adversarial, measured: list[Measured]) -> Figure:
    """Bound and attacked losses on the training points."""
    keys = ("bound", "PGD 1", "plain")
    rows = {
        f"{name} / {law}": [
            positive_interval([one.found[f"{law}: {key}"] for one in chosen]) for key in keys
        ]
        for name, law in _pairs(declared)
        if (chosen := meeting(measured, name))
    }
    labels = ("bound L + R1 + R2", "loss under PGD at the theorem's radius", "plain loss")
    return dots(
        rows,
        labels,
        "Bound, loss under attack and plain loss by law of training",
        "loss on the training points, mean over seeds with 95 % interval",
        "trained with / bound of",
        log=True,
    )


EXPERIMENT = Experiment("adversarial", Adversarial(), units, measure, page, draw)
