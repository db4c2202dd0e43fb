"""Values, dtypes, and what becomes of the caller's batch."""

from __future__ import annotations

import numpy as np

from mixlib.audit.evidence import Evidence
from mixlib.audit.finding import Finding, Verdict, exact
from mixlib.audit.probe import Trial
from mixlib.audit.recover import draws


def sums_and_range(evidence: Evidence) -> list[Finding]:
    """Weights of a pixel lie in [0, 1] and sum to one; nothing but the sources shows."""
    found = []
    low = min(float(t.outputs.min()) for t in evidence.trials.values())
    high = max(float(t.outputs.max()) for t in evidence.trials.values())
    finite = all(bool(np.isfinite(t.outputs).all()) for t in evidence.trials.values())
    slack = max(evidence.main.tolerance, 1e-3)
    erase_any = evidence.claims.kind == "erase" and evidence.claims.fill is None
    inside = finite and (erase_any or (low >= -slack and high <= 1 + slack))
    found.append(exact("values stay in range", inside, f"{low:.3g} to {high:.3g}", "0 to 1"))
    if evidence.claims.kind != "erase" and not evidence.effort.texture:
        found.append(_whole(evidence))
    return found


def _whole(evidence: Evidence) -> Finding:
    """The mean sum of weights: rounding to nearest keeps it, cutting off does not."""
    gaps = {
        name: (
            float(np.abs(t.outputs.sum(2) - 1).max()),
            float((t.outputs.sum(2) - 1).mean()),
        )
        for name, t in evidence.trials.items()
    }
    name, (_, mean) = max(gaps.items(), key=lambda item: abs(item[1][1]))
    largest = max(worst for worst, _ in gaps.values())
    main = evidence.main
    if main.scale == 255:
        holds = abs(mean) < 0.25 / 255 and largest < 2.5 / 255
        seen = f"{mean * 255:+.2f} of 255 on average, {largest * 255:.1f} at most ({name})"
        return exact("weights of a pixel sum to one", holds, seen, "rounding to nearest")
    seen = f"off by {largest:.2g} at most, {mean:+.2g} on average ({name})"
    return exact("weights of a pixel sum to one", largest < 2 * main.tolerance, seen, "one")


def fill(evidence: Evidence) -> list[Finding]:
    """Erased pixels hold the fill value, all others are kept."""
    claims = evidence.claims
    if claims.kind != "erase" or claims.fill is None:
        return []
    mask = evidence.draws.mask
    value = claims.fill
    wrong = (np.abs(mask - 1) > 1e-3) & (np.abs(mask - value) > 1e-3)
    others = float(np.median(mask[wrong])) if wrong.any() else value
    seen = f"{wrong.mean():.1%} of the pixels are neither kept nor {value:g}"
    if wrong.any():
        seen += f", median {others:.3g}"
    return [exact("fill value", not wrong.any(), seen, f"{value:g}")]


def input_kept(evidence: Evidence) -> list[Finding]:
    """The caller's batch is the same after the call."""
    touched = sorted({name for t in evidence.trials.values() for name in t.touched})
    seen = f"{' and '.join(touched)} are overwritten" if touched else "unchanged"
    return [exact("the caller's batch is kept", not touched, seen, "unchanged")]


def dtypes(evidence: Evidence) -> list[Finding]:
    """Images come back in the dtype in which they came, or are refused."""
    own = evidence.form.dtype
    got = evidence.main.dtypes[0]
    found = [exact(f"dtype is kept: {own}", got == own, got, own)]
    for dtype, trial in evidence.dtypes.items():
        name = f"dtype is kept: {dtype}"
        if isinstance(trial, Exception):
            found.append(Finding(name, f"refused ({_first_line(trial)})"))
            continue
        got = trial.dtypes[0]
        if dtype == "uint8":
            found.append(_bytes(evidence, trial, name))
        else:
            found.append(exact(name, got == dtype, got, dtype))
    return found


def _bytes(evidence: Evidence, trial: Trial, name: str) -> Finding:
    """Bytes are rounded to nearest, or returned as floats, or refused."""
    got = trial.dtypes[0]
    if evidence.claims.kind == "erase":
        return exact(name, got == "uint8", got, "uint8")
    d = draws(trial)
    rows = trial.outputs.sum(2)
    mean, worst = float((rows - 1).mean()) * 255, float(np.abs(rows - 1).max()) * 255
    agree = evidence.claims.label == "other" or bool(
        np.abs(trial.weights - trial.pixels).max() < 2 / 255
    )
    holds = abs(mean) < 0.25 and worst < 2.5 and agree
    how = "weights are cut off and not rounded" if mean <= -0.25 else "rounded"
    seen = f"{got}, {how}: sums {mean:+.2f} of 255 on average, {worst:.0f} at most"
    if d.visible.any() and not agree:
        seen += "; labels and pixels disagree"
    severity = Verdict.FAIL
    return exact(name, holds, seen, "uint8 rounded to nearest, or refused", severity)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:80]}" if lines else type(error).__name__
