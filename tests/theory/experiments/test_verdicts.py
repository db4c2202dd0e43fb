"""Sentences of the pages follow the numbers, in whichever direction these point."""

from __future__ import annotations

from dataclasses import replace

import pytest

from theory.experiments import adversarial, distances, gradients
from theory.experiments.units import Measured, Unit


def gradient_measurements(cutmix: float):
    """CutMix' contrast as given, Mixup's and no mixing's 0."""
    declared = replace(gradients.EXPERIMENT.declared, seeds=4, laws=("Mixup", "CutMix"))
    found = []
    for unit in gradients.units(declared):
        contrast = cutmix if unit.variant[1] == "CutMix" else 0.0
        values = dict.fromkeys(("log near", "log far", "log peak", "accuracy"), 0.5)
        found.append(Measured(unit, {**values, "contrast": contrast + 0.01 * unit.seed}))
    return gradients.page(declared, found).text()


@pytest.mark.parametrize(
    ("cutmix", "said"),
    [(-1.0, "the paper's direction"), (1.0, "against the paper's direction"), (0.0, "undecided")],
)
def test_the_direction_of_figure_4(cutmix, said):
    assert f": {said}" in gradient_measurements(cutmix)


def world_measurements(sign: float):
    """Accuracies that rise (or fall) with the score."""
    declared = distances.EXPERIMENT.declared
    scores = {law: 1 + 0.1 * k for k, law in enumerate(declared.laws)}
    found = []
    for unit in distances.units(declared):
        name = unit.variant[2]
        values = {"accuracy": 0.5, **scores} if name == distances.PLAIN else {}
        if not values:
            values = {"accuracy": 0.5 + sign * 0.1 * scores[name] + 0.001 * unit.seed}
        found.append(Measured(unit, values))
    return distances.page(declared, found).text()


def test_agreement_of_orders():
    assert "agree better than chance: mean tau +1.00" in world_measurements(1.0)
    assert "agree worse than chance: mean tau -1.00" in world_measurements(-1.0)
    assert "agree no better than chance" in world_measurements(0.0)
    assert "one method fits all of these worlds" in world_measurements(1.0)


def adversarial_measurements(bound: float, attacked: float):
    declared = replace(adversarial.EXPERIMENT.declared, seeds=2, laws=("CutMix",))
    found = []
    for unit in adversarial.units(declared):
        values = {"wrong": 0.0}
        for key in ("surrogate", "plain", "radius", "opposed"):
            values[f"CutMix: {key}"] = 0.01
        values["CutMix: bound"] = bound
        for kind in ("FGM", "PGD", "FGSM", "PGD-inf"):
            values |= {f"CutMix: {kind} {k:g}": attacked for k in declared.factors}
        for kind in ("FGSM", "PGD-inf"):
            for r in (0.0, *declared.radii):
                better = 0.2 * (unit.variant[0] == "CutMix")
                values[f"unseen: {kind} {r:g} accuracy"] = 0.5 + better
                values[f"unseen: {kind} {r:g} loss"] = 0.5
        found.append(Measured(unit, values))
    return adversarial.page(declared, found).text()


def test_where_the_adversarial_bound_is_vacuous():
    text = adversarial_measurements(bound=0.9, attacked=0.5)
    assert (
        "vacuous, above log 2 = 0.693 which a constant predictor reaches, for nothing / CutMix"
        in text
    )
    assert "stays below the bound for all" in text
    assert "Easier to attack, against what the paper's bound suggests: none" in text
    text = adversarial_measurements(bound=0.1, attacked=0.5)
    assert "not vacuous" in text
    assert "exceeds the bound" in text


def test_networks_that_break_the_assumption_are_said_to():
    declared = replace(adversarial.EXPERIMENT.declared, seeds=1, laws=())
    wrong = [Measured(Unit((adversarial.PLAIN,), 0), {"wrong": 2.0})]
    assert not adversarial.meeting(wrong, adversarial.PLAIN)
    assert declared.laws == ()
