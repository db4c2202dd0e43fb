"""Every symbolic statement, and proof that the prover can fail."""

from __future__ import annotations

import pytest

from theory import exact


@pytest.mark.parametrize("name", exact.STATEMENTS)
def test_statement(name):
    exact.prove(name)


def test_a_false_statement_is_refused(monkeypatch):
    monkeypatch.setitem(exact.STATEMENTS, "false", lambda: exact.mean(exact.lam) - exact.a)
    with pytest.raises(AssertionError, match="left over"):
        exact.prove("false")


def test_the_slides_terms_without_one_half_do_not_fit(monkeypatch):
    # the identity is sensitive to its factors
    whole = exact._terms
    monkeypatch.setattr(exact, "_terms", lambda z, m, s: whole(z, m, s) + z["h0_0_0"])
    assert exact.two_jet_identity(2, 2, 1) != 0
