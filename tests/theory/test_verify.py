"""``python -m theory verify``: it prints what holds, and fails when something does not."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from mixlib.core.mask import MaskLaw
from theory import verify
from theory.__main__ import app
from theory.families import families
from theory.networks import STATES

FEW = ("Mixup", "HMix, r = 0.5", "TokenMix, blocks")


@pytest.fixture
def few(monkeypatch):
    chosen = {name: family for name, family in families().items() if name in FEW}
    monkeypatch.setattr(verify, "families", lambda: chosen)


def test_verify_prints_the_table_and_succeeds(few, monkeypatch):
    monkeypatch.setattr(verify, "statements", lambda: [("a statement", 0.1, "")])
    out = CliRunner().invoke(app, ["verify", "--atoms", "40", "--samples", "8000"])
    assert out.exit_code == 0, out.output
    assert "Mixup" in out.output
    assert "0 failures" in out.output


def test_the_written_table_has_its_columns_in_every_line(tmp_path):
    shares = dict.fromkeys(STATES, 0.5)
    row = verify.Row("Mixup", 0.0, None, None, 0.0, shares, shares)
    verify.write_table(tmp_path, [row], [("E Cov(M|lambda)", 0.1, "")])
    blocks = (tmp_path / "table.md").read_text().split("\n\n")[1:]
    for block in blocks:
        # an escaped bar belongs to its cell
        widths = {line.replace(r"\|", "").count("|") for line in block.strip().splitlines()}
        assert len(widths) == 1


def test_verify_fails_loudly(few, monkeypatch):
    def broken(name, family, atoms, n):
        shares = dict.fromkeys(STATES, 0.0)
        return verify.Row(name, 1.0, 9.0, 2.0, 1.0, shares, shares)

    monkeypatch.setattr(verify, "check", broken)
    monkeypatch.setattr(verify, "statements", lambda: [("x", 0.1, "x: left over 1")])
    out = CliRunner().invoke(app, ["verify", "--atoms", "10", "--samples", "1000"])
    assert out.exit_code == 1
    for text in ("swap identity off", "moments differ", "not 3", "leading terms", "left over"):
        assert text in out.output.replace("\n", " ")


def test_every_family_is_a_law_of_mixlib():
    for name, family in families().items():
        assert isinstance(family.law, MaskLaw), name
        assert type(family.law).__module__.startswith("mixlib.catalog.methods")


def test_trained_and_overfitted_states_differ():
    family = families()["CutMix"]
    row = verify.check("CutMix", family, atoms=60, n=2000)
    assert row.explained["random"] > 0.9
    # the theorem is local: on a network that has memorized the data it explains next to nothing
    assert row.explained["overfitted"] < 0.3
    assert abs(row.anchored["overfitted"] - 1) < abs(row.explained["overfitted"] - 1)
    assert not row.failures()
