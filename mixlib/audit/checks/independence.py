"""Independence of draws: between rows, between calls, between the two coordinates of a place."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from mixlib.audit.evidence import Evidence
from mixlib.audit.finding import Finding, exact
from mixlib.audit.significance import rank_correlation

ENOUGH = 100


def _quantities(evidence: Evidence) -> dict[str, np.ndarray]:
    """What a draw consists of: the share, and the place where there is one."""
    d = evidence.draws
    down, right = d.offset().T
    found = {"share": np.where(d.visible, d.share, np.nan)}
    if d.shaped.sum() >= ENOUGH:
        found["height"] = np.where(d.shaped, down, np.nan)
        found["column"] = np.where(d.shaped, right, np.nan)
    return found


def between_rows(evidence: Evidence) -> list[Finding]:
    """Rows of one batch that are drawn separately are uncorrelated, in share and in place."""
    d = evidence.draws
    calls = int(d.call[-1]) + 1
    kept = len(d.call) // calls
    if kept < 2:
        return []
    found = []
    for name, values in _quantities(evidence).items():
        rows = values.reshape(calls, kept)
        pairs = list(combinations(range(kept), 2))
        tests = [_paired(rows[:, i], rows[:, j], 0.1) for i, j in pairs]
        best = min(range(len(tests)), key=lambda k: tests[k][1])
        r, p = tests[best]
        i, j = pairs[best]
        seen = f"largest correlation {r:+.2f} (rows {i} and {j})"
        p = min(1.0, p * len(pairs))
        found.append(Finding(f"rows are independent: {name}", seen, "0", p=p))
    return found


def between_calls(evidence: Evidence) -> list[Finding]:
    """A draw does not depend on the one before, nor repeat it."""
    d = evidence.draws
    if d.visible.sum() < ENOUGH:
        return []
    found = []
    first = np.unique(d.call, return_index=True)[1]
    for name, values in _quantities(evidence).items():
        series = values[first]
        r, p = _paired(series[1:], series[:-1], 0.08)
        found.append(Finding(f"calls are independent: {name}", f"correlation {r:+.2f}", "0", p=p))
    masks = d.mask[first][d.visible[first]]
    same = float((masks[1:] == masks[:-1]).all((1, 2)).mean()) if len(masks) > 1 else 0.0
    seen = f"{same:.1%} of the draws repeat the one before"
    found.append(exact("draws differ from call to call", same < 0.9, seen, "few"))
    return found


def place(evidence: Evidence) -> list[Finding]:
    """The two coordinates of a place have nothing to do with each other, nor with the share."""
    values = _quantities(evidence)
    if "height" not in values:
        return []
    down, right = values["height"], values["column"]
    found = []
    for title, x, y in (
        ("row and column", down, right),
        ("share and row", values["share"], down),
        ("share and column", values["share"], right),
    ):
        r, p = _paired(x, y, 0.08)
        found.append(Finding(f"place is independent: {title}", f"correlation {r:+.2f}", "0", p=p))
    return found


def _paired(x: np.ndarray, y: np.ndarray, tolerance: float) -> tuple[float, float]:
    """Rank correlation where both are there."""
    there = ~(np.isnan(x) | np.isnan(y))
    return rank_correlation(x[there], y[there], tolerance)
