"""``python -m theory verify``: it prints what holds, and fails when something does not."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import pytest
import torch
from typer.testing import CliRunner

from mixlib.core.mask import MaskLaw
from theory import networks, verify
from theory.__main__ import app
from theory.expansion.terms import Swapped
from theory.families import families
from theory.networks import STATES
from theory.verify_table import check_columns, write_table, z_limit

FEW = ("Mixup", "HMix", "TokenMix")


@pytest.fixture
def few(monkeypatch):
    def chosen(alpha=1.0):
        return {name: family for name, family in families(alpha).items() if name in FEW}

    monkeypatch.setattr(verify, "families", chosen)


def test_verify_prints_the_table_and_succeeds(few, monkeypatch):
    monkeypatch.setattr(verify, "statements", lambda: [("a statement", 0.1, "")])
    out = CliRunner().invoke(app, ["verify", "--atoms", "40", "--samples", "8000"])
    assert out.exit_code == 0, out.output
    assert "Mixup" in out.output
    assert "0 failures" in out.output


def row(value: float) -> verify.Row:
    terms = dict.fromkeys(STATES, Swapped(1.0, 0.1, 0.1, -0.1))
    ones = dict.fromkeys(STATES, 1.0)
    return verify.Row("Mixup", value, 9 * value, 3 - value, value, terms, (value,) * 3, ones, ones)


def test_the_written_table_has_its_columns_in_every_line(tmp_path):
    write_table(tmp_path, [row(0.0)], [("E Cov(M|lambda)", 0.1, "")])
    text = (tmp_path / "table.md").read_text()
    for block in [b for b in text.split("\n\n") if b.startswith("|")]:
        # an escaped bar belongs to its cell
        widths = {line.replace(r"\|", "").count("|") for line in block.strip().splitlines()}
        assert len(widths) == 1
    assert "R3 trained" in text
    assert "-1.0e-01 -10 %" in text


def test_the_written_page_asks_defines_and_concludes(tmp_path):
    rows = [replace(row(0.0), entries=8320), replace(row(0.0), name="CutMix", z=3.5, entries=8320)]
    write_table(tmp_path, rows, [("x", 0.1, ""), ("y", 0.1, "left over")])
    text = (tmp_path / "table.md").read_text()
    assert re.match(r"# .+\n\n\*.+\?\*\n", text)  # title and question
    for head in (*check_columns()[1:5], "R1-3", "anchored", *STATES[2:]):
        assert re.search(rf"^\* .*{re.escape(head)}.*: ", text, re.MULTILINE), head
    assert "Two-jet: the loss to second order" in text
    assert "The largest z of 2 families, 3.5 (CutMix), stays below 4.7, which" in text
    assert "Of what mixing adds R1 + R2 + R3 explain: 10 % on random networks" in text
    assert "1 of 2 symbolic statements hold." in text
    write_table(tmp_path, [replace(rows[1], z=4.8)], [])
    assert "4.8 (CutMix), EXCEEDS 4.5" in (tmp_path / "table.md").read_text()


def test_the_limit_of_z_accounts_for_the_entries():
    assert z_limit(1) == pytest.approx(1.96, abs=0.001)
    assert verify.compared("SmoothMix", families()["SmoothMix"]) == 0
    alone = verify.SIZE**2 * (verify.SIZE**2 + 1) // 2
    assert verify.compared("Mixup", families()["Mixup"]) == 4 * alone
    assert verify.compared("ResizeMix, place", families()["ResizeMix, place"]) == alone
    draws = torch.randn(400, 1000, generator=torch.Generator().manual_seed(0)).abs().amax(1)
    assert 0.02 < float((draws > z_limit(1000)).double().mean()) < 0.09


def test_verify_fails_loudly(few, monkeypatch):
    def broken(name, family, atoms, n, unmixed):
        return row(1.0)

    monkeypatch.setattr(verify, "check", broken)
    monkeypatch.setattr(verify, "statements", lambda: [("x", 0.1, "x: left over 1")])
    out = CliRunner().invoke(app, ["verify", "--atoms", "10", "--samples", "1000"])
    assert out.exit_code == 1
    texts = ["swap identity off", "moments differ", "not 3", "leading terms", "left over"]
    texts += [f"{term} differs from its definition" for term in ("R1", "R2", "R3")]
    for text in texts:
        assert text in " ".join(out.output.split())


MUTATIONS = {
    "half of R3 under R2": lambda t: t._replace(R2=t.R2 + t.R3 / 2, R3=t.R3 / 2),
    "R2 doubled": lambda t: t._replace(R2=2 * t.R2),
    "R1 dropped": lambda t: t._replace(R1=0.0),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_verify_notices_a_wrong_term(mutation, monkeypatch):
    """A term booked under another, counted twice or left out fails, and the failure names it."""
    true = verify.swapped
    monkeypatch.setattr(verify, "swapped", lambda *args: MUTATIONS[mutation](true(*args)))
    monkeypatch.setattr(networks, "STEPS", 3)
    texts = verify.check("CutMix", families()["CutMix"], atoms=20, n=200).failures()
    named = {t for t in ("R1", "R2", "R3") if any(f"{t} differs" in text for text in texts)}
    assert (
        named
        == {
            "half of R3 under R2": {"R2", "R3"},
            "R2 doubled": {"R2"},
            "R1 dropped": {"R1"},
        }[mutation]
    )


@pytest.mark.parametrize("name", ["identity", "z", "slope", "third"])
def test_what_is_no_number_does_not_hold(name):
    row = verify.check("CutMix", families()["CutMix"], atoms=20, n=200)
    assert len(replace(row, **{name: math.nan}).failures()) == len(row.failures()) + 1


def test_every_family_is_a_law_of_mixlib():
    for name, family in families().items():
        assert isinstance(family.law, MaskLaw), name
        assert type(family.law).__module__.startswith(("mixlib.methods", "mixlib.masks"))


def test_trained_and_overfitted_states_differ():
    family = families()["CutMix"]
    row = verify.check("CutMix", family, atoms=60, n=2000)
    assert row.explained["random"] > 0.9
    # the theorem is local: on a network that has memorized the data it explains next to nothing
    assert row.explained["overfitted"] < 0.3
    assert abs(row.anchored["overfitted"] - 1) < abs(row.explained["overfitted"] - 1)
    assert not row.failures()
