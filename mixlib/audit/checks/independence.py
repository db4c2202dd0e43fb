"""Independence of draws: between rows, between calls, between the two coordinates of a place."""

from __future__ import annotations

import numpy as np

from mixlib.audit.evidence import Evidence
from mixlib.audit.finding import Finding, exact
from mixlib.audit.significance import fewer, rank_correlation, rank_correlations

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
        i, j = np.triu_indices(kept, 1)
        r, p = rank_correlations(values.reshape(calls, kept), 0.1)
        best = int(p[i, j].argmin())
        first, second = int(i[best]), int(j[best])
        seen = f"largest correlation {r[first, second]:+.2f} (rows {first} and {second})"
        p_all = min(1.0, float(p[first, second]) * len(i))
        found.append(Finding(f"rows are independent: {name}", seen, "0", p=p_all))
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
        r, p = rank_correlation(series[1:], series[:-1], 0.08)
        found.append(Finding(f"calls are independent: {name}", f"correlation {r:+.2f}", "0", p=p))
    masks = d.mask[first][d.visible[first]]
    if len(masks) < 10:
        return found
    before, far = _repeats(masks, 1), _repeats(masks, len(masks) // 2)
    share = before[0] / before[1]
    seen = f"{share:.1%} of the draws repeat the one before, {far[0] / far[1]:.1%} a distant one"
    name = "calls are independent: repeats"
    found.append(Finding(name, seen, "as many", p=fewer(*before, *far)))
    found.append(exact("draws differ from call to call", share < 0.9, seen, "few"))
    return found


def _repeats(masks: np.ndarray, lag: int) -> tuple[int, int]:
    """Draws whose mask is that of the draw so many before, and draws that were compared."""
    same = np.all(masks[lag:] == masks[:-lag], axis=(1, 2))
    return int(same.sum()), len(same)


def place(evidence: Evidence) -> list[Finding]:
    """The two coordinates of a place have nothing to do with each other, nor with the share."""
    values = _quantities(evidence)
    if "height" not in values or evidence.claims.kind == "mosaic":
        return []
    down, right = values["height"], values["column"]
    found = []
    for title, x, y in (
        ("row and column", down, right),
        ("share and row", values["share"], down),
        ("share and column", values["share"], right),
    ):
        r, p = rank_correlation(x, y, 0.08)
        found.append(Finding(f"place is independent: {title}", f"correlation {r:+.2f}", "0", p=p))
    return found
