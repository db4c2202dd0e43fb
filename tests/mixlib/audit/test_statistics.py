"""The laws and tests that an audit rests on."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mixlib.audit.finding import Finding, Verdict, judge
from mixlib.audit.reference import (
    CONVENTIONS,
    box_shares,
    explain_weights,
    fit_boxes,
    fit_weights,
    fitted_beta,
)
from mixlib.audit.significance import (
    mean_within,
    rank_correlation,
    rank_correlations,
    rate_within,
)

RNG = np.random.default_rng(3)


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_box_shares_lie_near_lambda(convention) -> None:
    shares = box_shares(convention, (1.0, 1.0), (64, 48))
    inside = convention.startswith("inside")
    # lambda has mean 1/2; the border takes a part of the box, rounding a little of any
    assert shares.mean() == pytest.approx(0.5 if inside else 0.68, abs=0.03)
    assert 0 <= shares.min() <= shares.max() <= 1


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("alpha", [0.3, 1.0])
def test_a_convention_fits_itself(convention, alpha) -> None:
    law = box_shares(convention, (alpha, alpha), (32, 32))
    sample = RNG.choice(law[law < 1], 2000)
    assert fit_boxes(sample, (alpha, alpha), (32, 32))[0].p > 1e-3
    assert fit_boxes(sample, (2.5, 2.5), (32, 32))[0].p < 1e-9


@pytest.mark.parametrize(("alpha", "step"), [(1.0, 1e-5), (0.2, 1e-5), (0.2, 1 / 255)])
def test_weights_fit_their_law_whatever_the_rounding(alpha, step) -> None:
    lam = RNG.beta(alpha, alpha, 20_000)
    if step > 1e-4:
        lam = np.rint(lam / step) * step
    lam = lam[lam < 1 - step / 2]
    assert fit_weights(lam, (alpha, alpha), step).p > 1e-3
    assert fit_weights(lam, (2 * alpha, 2 * alpha), step).p < 1e-9


def test_beta_is_fitted_and_folding_is_seen() -> None:
    lam = RNG.beta(0.5, 1.5, 20_000)
    assert fitted_beta(lam) == pytest.approx((0.5, 1.5), rel=0.05)
    assert "larger of" in explain_weights(np.maximum(lam, 1 - lam), 1e-5)


def test_p_values_are_uniform_at_most() -> None:
    p = [mean_within(RNG.normal(size=200))[1] for _ in range(500)]
    assert stats.kstest(p, "uniform").pvalue > 1e-4
    p = [rank_correlation(*RNG.normal(size=(2, 200)), tolerance=0.0)[1] for _ in range(500)]
    assert stats.kstest(p, "uniform").pvalue > 1e-4


def test_tolerances_hold_small_effects_back() -> None:
    x = RNG.normal(0.1, 1, 100_000)
    assert mean_within(x)[1] < 1e-9
    assert mean_within(x, 0.15)[1] == 1
    assert rate_within(480, 1000, 0.49, 0.51) > 0.01
    assert rate_within(480, 1000, 0.6, 0.7) < 1e-9


def test_correlations_leave_missing_values_out() -> None:
    x = RNG.normal(size=(400, 3))
    x[:, 1] = x[:, 0] ** 3
    x[::2, 2] = np.nan
    r, p = rank_correlations(x, 0.1)
    assert r[0, 1] == pytest.approx(1)
    assert p[0, 1] < 1e-9
    assert p[0, 2] > 1e-6
    assert rank_correlation(x[:, 0], x[:, 2], 0.1)[0] == pytest.approx(r[0, 2], abs=0.02)


def test_verdicts_share_one_level() -> None:
    found = [Finding(str(n), "", p=4e-6) for n in range(2)]
    assert judge(found[:1], 5e-6)[0].verdict is Verdict.FAIL
    assert judge(found, 5e-6)[0].verdict is Verdict.PASS
    note = Finding("", "", holds=False, severity=Verdict.NOTE)
    assert judge([note, Finding("", "")], 0.1)[0].verdict is Verdict.NOTE
