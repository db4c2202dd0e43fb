"""Who is mixed with whom."""

from __future__ import annotations

import numpy as np

from mixlib.audit.checks.law import unmixed_by_batch
from mixlib.audit.evidence import Evidence
from mixlib.audit.finding import Finding, Verdict, exact
from mixlib.audit.probe import Trial
from mixlib.audit.recover import VISIBLE, partners
from mixlib.audit.significance import fewer, mean_within

NAME = "no sample is its own partner"


def self_pairs(evidence: Evidence) -> list[Finding]:
    """A sample that is its own partner is not mixed, whatever lambda says."""
    if evidence.claims.kind == "erase" or not evidence.draws.visible.any():
        return []
    severity = Verdict.INFO if evidence.claims.self_pairs else Verdict.FAIL
    found = []
    if evidence.scope == "batch":
        share = _left_out(evidence.pilot)
        seen = f"{share:.1%} of the rows of mixed batches are left as they were"
        found.append(exact(NAME, share == 0, seen, "none", severity))
    elif evidence.couple is not None:
        still, m, rest, n = unmixed_by_batch(evidence)
        seen = (
            f"unmixed rows: {still / m:.1%} in batches of 2, {rest / n:.1%} of "
            f"{evidence.effort.batch}"
        )
        p = fewer(still, m, rest, n)
        found.append(Finding(NAME, seen, "the same in both", p=p, severity=severity))
    return found + _odd_rows(evidence, severity)


def _left_out(trial: Trial) -> float:
    """Share of rows without a partner in batches in which others have one."""
    visible = trial.pixels.diagonal(axis1=1, axis2=2) < 1 - VISIBLE
    mixed = visible[visible.any(1)]
    return float((~mixed).mean()) if len(mixed) else 0.0


def _odd_rows(evidence: Evidence, severity: Verdict) -> list[Finding]:
    """Rows of an odd batch that are never mixed."""
    found = []
    for size, trial in evidence.batches.items():
        if not isinstance(trial, Trial) or size == 1:
            continue
        visible = (trial.pixels.diagonal(axis1=1, axis2=2) < 1 - VISIBLE).sum(0)
        never = np.flatnonzero(visible == 0)
        if visible.max() < 20 or not len(never):
            continue
        seen = f"row {', '.join(map(str, never))} of {size} is never mixed"
        found.append(exact("odd batches are mixed whole", False, seen, "every row", severity))
    return found


def use_of_samples(evidence: Evidence) -> list[Finding]:
    """Every sample serves as a partner once per batch on average; and the rule of the pairing."""
    trial = evidence.main if evidence.scope == "sample" else evidence.pilot
    pixels = trial.pixels
    if evidence.claims.kind == "erase" or not evidence.draws.visible.any():
        return []
    batch = pixels.shape[1]
    others = pixels * (1 - np.eye(batch))
    used = (others > VISIBLE).sum(1)
    mixed = (others.max(2) > VISIBLE).sum(1)
    tests = [mean_within(used[:, s] - mixed / batch, 0.25) for s in range(batch)]
    several = float((others > VISIBLE).sum(2).max()) > 1
    if several:
        return [Finding("use of the samples", "more than two images in one")]
    p = min(1.0, batch * min(p for _, p in tests))
    most = int(np.argmax([mean for mean, _ in tests]))
    seen = (
        f"{_rule(partners(pixels))}; sample {most} is used {used[:, most].mean():.2f} times a batch"
    )
    return [Finding("use of the samples", seen, "each as often as the others", p=p)]


def _rule(partner: np.ndarray) -> str:
    """The pairing in words."""
    batch = partner.shape[1]
    there = partner >= 0
    index = np.arange(batch)
    if bool((partner == batch - 1 - index)[there].all()):
        return "partners in reversed order"
    shift = (partner - index) % batch
    if len(np.unique(shift[there])) == 1:
        return f"partners {int(shift[there][0])} places on"
    rows = [np.unique(s[t]) for s, t in zip(shift, there, strict=True)]
    if all(len(row) <= 1 for row in rows):
        return "partners a random number of places on"
    if any(len(np.unique(p[t])) < t.sum() for p, t in zip(partner, there, strict=True)):
        return "partners drawn one by one"
    return "partners by a random permutation"
