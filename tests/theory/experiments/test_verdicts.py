"""Sentences of the pages follow the numbers, in whichever direction these point."""

from __future__ import annotations

from dataclasses import replace

import pytest

from theory.experiments import adversarial, distances, generalization, gradients, network_terms
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
    text = gradient_measurements(cutmix)
    assert f": {said}" in text
    assert "-0.00" not in text
    assert "50.0 (50.0 .. 50.0)" in text  # accuracies have an interval


def world_measurements(sign: float, plain: float = 0.5, last: float | None = None):
    """Accuracies that rise (or fall) with the score, without mixing as given, in the last world
    otherwise."""
    declared = distances.EXPERIMENT.declared
    scores = {law: 1 + 0.1 * k for k, law in enumerate(declared.laws)}
    found = []
    for unit in distances.units(declared):
        name = unit.variant[2]
        values = {"accuracy": plain, **scores} if name == distances.PLAIN else {}
        if not values:
            there = last if last is not None and unit.variant[0] == "12" else sign
            values = {"accuracy": 0.5 + there * 0.1 * scores[name] + 0.001 * unit.seed}
        found.append(Measured(unit, values))
    return distances.page(declared, found).text()


def test_agreement_of_orders():
    assert "agree better than chance: mean tau +1.00" in world_measurements(1.0)
    assert "agree worse than chance: mean tau -1.00" in world_measurements(-1.0)
    assert "agree neither decidedly better nor decidedly worse than chance" in world_measurements(
        0.0
    )
    assert "one method fits all of these worlds: GMix." in world_measurements(1.0)


def test_whether_one_fits_all_is_computed_from_intervals():
    undecided = world_measurements(0.0)
    assert (
        "Whether no one fits all of them is undecided; never beaten: Mixup, CutMix, HMix, GMix."
        in undecided
    )
    assert "has an undecided trend with the distance" in undecided
    text = world_measurements(1.0, last=-1.0)
    assert "account for 24 comparisons" in text
    assert "GMix at distance 12. No one fits all of them." in text


def test_no_mixing_counts_among_the_best():
    text = world_measurements(1.0)
    assert "by number of worlds: nothing 0, Mixup 0, CutMix 0, HMix 0, GMix 8." in text
    text = world_measurements(1.0, plain=0.9)
    assert "by number of worlds: nothing 8, Mixup 0" in text
    assert "points above GMix (an interval above 0)" in text


def test_a_world_s_score_is_defined():
    assert "Higher is predicted to suit the world better" in world_measurements(1.0)


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
    assert "for nothing / CutMix (0.5 against 0.1), CutMix / CutMix (0.5 against 0.1);" in text


def test_a_tie_does_not_exceed_the_bound():
    text = adversarial_measurements(bound=0.1, attacked=0.1)
    assert "surrogates, for none; undecided" in text


def test_families_with_a_comma_and_generalization_s_subject():
    declared = replace(network_terms.EXPERIMENT.declared, seeds=2)
    names = [f"{law}: {key}" for law in declared.laws for key in (*network_terms.TERMS, "penalty")]
    found = [
        Measured(unit, {"accuracy": 1.0, **dict.fromkeys(names, 1.0 + 0.1 * unit.seed)})
        for unit in network_terms.units(declared)
    ]
    text = network_terms.page(declared, found).text()
    assert 'FMix, "ResizeMix, place", GridMix' in text
    assert "with Mixup & CutMix: every sample's mask is Mixup's or CutMix'" in text
    axes = network_terms.draw(declared, found).axes
    assert all("95 % interval" in axis.get_xlabel() for axis in axes)
    declared = replace(generalization.EXPERIMENT.declared, seeds=2, samples=(12,))
    found = [
        Measured(unit, {"dimension": k + 1.0, "complexity": k + 1.0, "gap": k + 1.0})
        for k, unit in enumerate(generalization.units(declared))
    ]
    text = generalization.page(declared, found).text()
    assert "it is not a count" in text
    assert "rank of Sigma times 6" in text
    assert "The order by complexity, in which d_eff is multiplied by the penalty" in text


def test_networks_that_break_the_assumption_are_said_to():
    declared = replace(adversarial.EXPERIMENT.declared, seeds=1, laws=())
    wrong = [Measured(Unit((adversarial.PLAIN,), 0), {"wrong": 2.0})]
    assert not adversarial.meeting(wrong, adversarial.PLAIN)
    assert declared.laws == ()
