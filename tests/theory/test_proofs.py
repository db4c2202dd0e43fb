"""Every symbolic statement, and proof that the prover can fail."""

from __future__ import annotations

import pytest

from theory import proofs


@pytest.mark.parametrize("name", proofs.STATEMENTS)
def test_statement(name):
    proofs.prove(name)


def test_a_false_statement_is_refused(monkeypatch):
    monkeypatch.setitem(proofs.STATEMENTS, "false", lambda: proofs.mean(proofs.lam) - proofs.a)
    with pytest.raises(AssertionError, match="left over"):
        proofs.prove("false")


def test_the_slides_terms_without_one_half_do_not_fit(monkeypatch):
    # the identity is sensitive to its factors
    whole = proofs._terms

    def doubled(z, m, s):
        return {**whole(z, m, s), "R2": 2 * whole(z, m, s)["R2"]}

    monkeypatch.setattr(proofs, "_terms", doubled)
    assert proofs.two_jet_identity(2, 2, 1) != 0


MUTATIONS = {
    "half of R3 under R2": lambda t: {**t, "R2": t["R2"] + t["R3"] / 2, "R3": t["R3"] / 2},
    "R2 doubled": lambda t: {**t, "R2": 2 * t["R2"]},
    "R1 dropped": lambda t: {**t, "R1": 0 * t["R1"]},
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_every_term_is_proved_apart(mutation, monkeypatch):
    """The sum alone would not notice that a part of one term is booked under another."""
    whole = proofs._terms
    monkeypatch.setattr(proofs, "_terms", lambda z, m, s: MUTATIONS[mutation](whole(z, m, s)))
    broken = {t for t in proofs.MARKS if proofs.two_jet_identity(2, 2, 1, term=t) != 0}
    assert (
        broken
        == {
            "half of R3 under R2": {"R2", "R3"},
            "R2 doubled": {"R2"},
            "R1 dropped": {"R1"},
        }[mutation]
    )
    assert (proofs.two_jet_identity(2, 2, 1) == 0) == (mutation == "half of R3 under R2")
