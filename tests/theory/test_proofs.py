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
    monkeypatch.setattr(proofs, "_terms", lambda z, m, s: whole(z, m, s) + z["h0_0_0"])
    assert proofs.two_jet_identity(2, 2, 1) != 0
