"""The three expansions against terms computed elsewhere from full Jacobians and Hessians."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import beta as beta_function
from torch.nn import functional as F

from mixlib.core.lam import Beta
from mixlib.methods.cutmix import Box
from mixlib.methods.gmix import GMix
from mixlib.methods.hmix import HMix
from mixlib.methods.mixup import Flat
from theory.expansion.taylor import jet, loss_of
from theory.expansion.terms import anchored, direct, mixed, roots, swapped, unswapped
from theory.moments import Moments
from theory.moments.lam import nodes
from theory.moments.tilt import Atoms, atoms, union

TAGS = [
    "lin_bin_init",
    "lin_k3_erm",
    "softplus_bin_init",
    "softplus_k3_erm",
    "tanh_bin_erm",
    "tanh_k3_init",
]
LAWS = {
    "mixup": Flat(),
    "cutmix": Box(odd="drop"),
    "hmix_r0.25": HMix(0.25),
    "hmix_r0.5": HMix(0.5),
    "hmix_r1": HMix(1.0),
    "gmix": GMix(),
}


class Case:
    """One network of the fixture with its data, as images of one channel."""

    def __init__(self, data, tag):
        self.n = int(data[f"{tag}/N"])
        self.x = torch.tensor(data[f"{tag}/X"]).view(-1, 1, self.n, self.n)
        self.y = torch.tensor(data[f"{tag}/Y"])
        self.lam = Beta(*data[f"{tag}/alpha_beta"].tolist())
        self.kind = "logistic" if "bin" in tag else "cross-entropy"
        self.weights = {
            k: torch.tensor(data[f"{tag}/{k}"])
            for k in ("W", "b", "W1", "b1", "W2", "b2")
            if f"{tag}/{k}" in data
        }
        self.act = torch.tanh if tag.startswith("tanh") else F.softplus
        self.families = sorted(
            {k.split("/")[1] for k in data if k.startswith(tag) and k.count("/") == 2}
        )

    def model(self, x):
        w, flat = self.weights, x.flatten(1)
        if "W" in w:
            return flat @ w["W"].T + w["b"]
        return self.act(flat @ w["W1"].T + w["b1"]) @ w["W2"].T + w["b2"]

    def atoms(self, family, one_rule=False, order=None):
        """``one_rule``: Mixup as the 50 nodes the fixture took over the whole of [0, 1].  They are
        exact for its polynomials but not for the folded ones, which have a kink at 1/2."""
        size = (self.n, self.n)
        if family == "stoch_mixup_cutmix":
            parts = [self.atoms("mixup", one_rule, order), self.atoms("cutmix")]
            return union(parts, [0.5, 0.5])
        if family == "mixup" and one_rule:
            points, weights = (torch.tensor(v) for v in nodes(self.lam, np.array([]), order=50))
            return Atoms(weights, points, points[:, None, None].expand(-1, *size))
        return atoms(LAWS[family], self.lam, size, order)


CLOSE = {"atol": 1e-8, "rtol": 0}


def compare_derivatives(case, data, tag):
    direction = torch.randn(case.x.shape, generator=torch.Generator().manual_seed(1)).double()
    found, flat = jet(case.model, case.x, direction), direction.flatten(1)
    jac, hess = (torch.tensor(data[f"{tag}/{k}"]).double() for k in ("jac", "hess"))
    np.testing.assert_allclose(found.f, data[f"{tag}/logits"], atol=1e-12)
    np.testing.assert_allclose(found.df, torch.einsum("mks,ms->mk", jac, flat), atol=1e-12)
    second = torch.einsum("ms,mkst,mt->mk", flat, hess, flat)
    np.testing.assert_allclose(found.d2f, second, atol=1e-5)  # the fixture's Hessian is float32


def compare_terms(case, data, key, family):
    law, args = case.atoms(family), (case.model, case.x, case.y)
    moments = law.moments()
    np.testing.assert_allclose(moments.a, data[key + "a"], **CLOSE)
    np.testing.assert_allclose(moments.A, data[key + "A"], **CLOSE)
    terms = swapped(*args, moments, case.kind)
    np.testing.assert_allclose(terms, data[key + "terms_L_R1_R2_R3"], **CLOSE)
    with_mixed_label = unswapped(*args, law, case.kind)
    np.testing.assert_allclose(with_mixed_label, data[key + "unswapped_L_V0_V1_V2_V3"], **CLOSE)
    folded = anchored(*args, case.atoms(family, one_rule=True), case.kind)
    np.testing.assert_allclose(folded, data[key + "anchored_base_Q2_Q3_Qx"], **CLOSE)
    return terms


def compare_losses(case, data, key, family, terms):
    """The loss at every contraction, and what the terms leave of it."""
    args, law = (case.model, case.x, case.y), case.atoms(family, order=10)
    assert data[key + "quad_err"] <= 4.4e-10
    eps = data["eps"]
    found = np.array([direct(*args, law, case.kind, e) for e in eps.tolist()])
    np.testing.assert_allclose(found, data[key + "direct_eps"], **CLOSE)
    rest = found - (terms.L + eps * terms.R1 + eps**2 * (terms.R2 + terms.R3))
    np.testing.assert_allclose(rest, data[key + "remainder"], **CLOSE)
    np.testing.assert_allclose(found[eps.tolist().index(1.0)], data[key + "direct"], **CLOSE)


@pytest.mark.parametrize("tag", TAGS)
def test_every_key_of_the_fixture(tag, recorded, monkeypatch):
    # this fixture leaves out the box of full side, which exists by rounding below lambda = 2^-54
    # (probability 3e-4 for alpha = 0.2); the moment fixtures have it
    monkeypatch.setattr("theory.moments.sides.ROUNDED", -0.5)
    data = recorded("theory/taylor_terms")
    case = Case(data, tag)
    compare_derivatives(case, data, tag)
    for family in case.families:
        key = f"{tag}/{family}/"
        compare_losses(case, data, key, family, compare_terms(case, data, key, family))
    assert not data.unread(tag)


def test_the_fixture_has_no_other_networks(recorded):
    data = recorded("theory/taylor_terms")
    assert {key.split("/")[0] for key in data} == {*TAGS, "eps"}


@pytest.mark.parametrize("alpha", [0.2, 1.0, 3.0])
def test_folded_mixup_moments_in_closed_form(alpha):
    folded = atoms(Flat(), Beta(alpha), (1, 1)).folded()
    rare = 1 - folded.share
    edge = 2 ** (-2 * alpha) / (alpha * beta_function(alpha, alpha))
    assert float(folded.prob @ rare) == pytest.approx(0.5 - edge, abs=1e-12)
    square = 0.25 - edge + 1 / (4 * (2 * alpha + 1))
    assert float(folded.prob @ rare**2) == pytest.approx(square, abs=1e-12)


@pytest.mark.parametrize("tag", ["lin_k3_erm", "softplus_k3_erm"])
def test_anchored_mixup_by_another_rule(tag, golden):
    """Which side is right where the fixture's anchored Mixup and ours differ (alpha = 1): ours.

    Its one rule over [0, 1] runs across the kink of min(lambda, 1 - lambda) and misses E min by
    8e-5; Gauss-Legendre on either half is exact, and gives our terms."""
    data = golden("theory/taylor_terms")
    case = Case(data, tag)
    args = (case.model, case.x, case.y)
    unit, weight = np.polynomial.legendre.leggauss(12)
    points = torch.tensor(np.concatenate([(1 + unit) / 4, (3 + unit) / 4]))
    halves = Atoms(
        torch.tensor(np.concatenate([weight, weight]) / 4),
        points,
        points[:, None, None].expand(-1, case.n, case.n),
    )
    right = anchored(*args, halves, case.kind)
    np.testing.assert_allclose(anchored(*args, case.atoms("mixup"), case.kind), right, atol=1e-12)
    fixture = data[f"{tag}/mixup/anchored_base_Q2_Q3_Qx"]
    assert 1e-5 < np.abs(fixture - right).max() < 1e-3
    across = case.atoms("mixup", one_rule=True).folded()
    assert float(across.prob @ (1 - across.share)) - 0.25 == pytest.approx(-8.065e-5, abs=1e-8)


@pytest.mark.parametrize("tag", ["softplus_bin_init", "tanh_k3_init"])
@pytest.mark.parametrize("family", ["mixup", "cutmix"])
def test_swap_lemma(tag, family, golden):
    case = Case(golden("theory/taylor_terms"), tag)
    law, args = case.atoms(family), (case.model, case.x, case.y)
    assert abs(direct(*args, law, case.kind) - mixed(*args, law, case.kind)) < 1e-13


def test_gradient_term_is_never_below_mixups(golden):
    # A - A_Mixup = E Cov(M | lambda) is positive semi-definite where E[M | lambda] = lambda
    case = Case(golden("theory/taylor_terms"), "softplus_k3_erm")
    flat = case.atoms("mixup").moments()
    cells = Moments(flat.size, flat.a, flat.A + torch.eye(16).double() / 6)
    args = (case.model, case.x, case.y)
    assert swapped(*args, cells).R2 > swapped(*args, flat).R2
    assert swapped(*args, flat).R2 >= 0


def test_wrong_inputs_name_the_assumption():
    f = torch.zeros(2, 1)
    with pytest.raises(ValueError, match="K >= 2"):
        loss_of(f, f, "cross-entropy")
    with pytest.raises(ValueError, match="one logit"):
        loss_of(torch.zeros(2, 3), torch.zeros(2, 3), "logistic")
    with pytest.raises(ValueError, match="positive semi-definite"):
        roots(torch.diag(torch.tensor([1.0, -1.0, 0.0, 0.0])).double(), (2, 2))
