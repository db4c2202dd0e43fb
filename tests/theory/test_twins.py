"""Twin laws: the same coefficients, different masks; the verdict's three words; the command."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from typer.testing import CliRunner

from theory.__main__ import app
from theory.twins import Declaration, accuracy, compare, look, look_alikes, twins, verdict

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


def test_the_laws_are_trained_on_the_same_data():
    pair = twins(DECLARED)
    found, judged = compare(pair, DECLARED)
    assert found.shape == (2, 2)
    assert judged == verdict(found[0] - found[1], DECLARED.margin)
    assert accuracy(pair.laws[0], DECLARED, 1) == found[0, 1]
    # nothing is trained for, and the laws no longer differ
    still, _ = compare(pair, replace(DECLARED, steps=0))
    assert torch.equal(still[0], still[1])


def test_the_command_prints_moments(tmp_path):
    out = CliRunner().invoke(app, ["twins", "--moments-only", "--out", str(tmp_path)])
    assert out.exit_code == 0, out.output
    text = (tmp_path / "table.md").read_text()
    assert "cosines" in text
    assert "CutMix, label lambda" in text
