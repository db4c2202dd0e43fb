"""Twin laws: the same coefficients, different masks; the verdict's three words; the command."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from typer.testing import CliRunner

from theory.__main__ import app
from theory.experiments.twins import EXPERIMENT
from theory.experiments.units import Measured, column
from theory.twins import Declaration, accuracy, look, look_alikes, twins, verdict

DECLARED = Declaration(seeds=2, steps=5, train=20, test=50)


def test_twins_have_one_A_and_different_masks():
    pair = twins(DECLARED)
    assert pair.gap < 1e-10
    assert float((pair.moments[0].a - pair.moments[1].a).abs().max()) < 1e-12
    seen = [
        look(law, known, DECLARED, n=4000)
        for law, known in zip(pair.laws, pair.moments, strict=True)
    ]
    assert max(one.z for one in seen) < 5
    # lambda uniform: E min^4 3/8 = 3/640 for cosines, a quarter of 1/15 for fields
    assert seen[0].fourth == pytest.approx(1 / 60, rel=0.15)
    assert seen[1].fourth == pytest.approx(3 / 640, rel=0.15)
    assert seen[0].binary > 0.2 > seen[1].binary


def test_look_alikes_have_the_same_masks_and_another_A():
    pair = look_alikes(DECLARED)
    lam = torch.full((3,), 0.4).double()
    drawn = [law.sample(lam, (16, 16), torch.Generator().manual_seed(3)) for law in pair.laws]
    assert torch.equal(*drawn)
    assert pair.gap > 0.05
    seen = [
        look(law, known, DECLARED, n=500)
        for law, known in zip(pair.laws, pair.moments, strict=True)
    ]
    assert seen[0].fourth == seen[1].fourth


@pytest.mark.parametrize(
    ("gain", "said"),
    [(0.1, "they train differently."), (0.0, "whether they train differently is undecided.")],
)
def test_the_look_alikes_do_not_say_which_difference_acts(gain, said):
    measured = [
        Measured(unit, {"accuracy": 0.5 + gain * int(unit.variant[1]) + 0.01 * unit.seed})
        for unit in EXPERIMENT.units(DECLARED)
    ]
    text = EXPERIMENT.page(DECLARED, measured).text()
    assert said in text
    assert "a of R1 (0.3527 against 0.4110 on average)" in text
    assert "cannot say which of them acts" in text
    assert "50.5 (44.2 .. 56.8)" in text  # the mean, with its interval
    (axis,) = EXPERIMENT.draw(DECLARED, measured).axes
    assert axis.get_xlabel() == "test accuracy, %"
    assert axis.get_xlim()[1] > 40  # the table's unit


def test_the_laws_are_trained_on_the_same_data(tmp_path):
    pair = twins(DECLARED)
    chosen = replace(EXPERIMENT, declared=DECLARED)
    measured = chosen.run(kept=tmp_path)
    assert len(measured) == 8
    found = [column(measured, "accuracy", "twins", str(k)) for k in range(2)]
    assert accuracy(pair.laws[0], DECLARED, 1) == found[0][1]
    judged = verdict(torch.tensor(found[0]) - torch.tensor(found[1]), DECLARED.margin)
    text = chosen.page(DECLARED, measured).text()
    assert (
        "that the two train alike within the margin of 2 points that was declared first: "
        f"{judged.word}." in text
    )
    # nothing is trained for, and the laws no longer differ
    still = [accuracy(law, replace(DECLARED, steps=0), 1) for law in pair.laws]
    assert still[0] == still[1]


def test_the_command_prints_moments():
    out = CliRunner().invoke(app, ["twins", "--moments-only"])
    assert out.exit_code == 0, out.output
    assert "cosines" in out.output
    assert "CutMix, label lambda" in out.output
