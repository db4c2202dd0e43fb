"""Label shares against pixel shares."""

from __future__ import annotations

import numpy as np

from mixlib.audit.evidence import Evidence
from mixlib.audit.finding import Finding, Verdict, exact
from mixlib.audit.probe import Trial
from mixlib.audit.recover import draws, partners

NAME = "label share is pixel share"


def label_shares(evidence: Evidence) -> list[Finding]:
    """Every label's share equals its image's share of the pixels, in every series."""
    if evidence.claims.label == "other":
        own = evidence.draws
        gap = np.abs(own.weight - own.share).mean()
        return [Finding(NAME, f"not judged; they differ by {gap:.3f} on average")]
    if evidence.claims.kind == "erase":
        return _labels_stay(evidence)
    worst, where = max(
        (float(np.abs(t.weights - t.pixels).max() / t.tolerance), name)
        for name, t in evidence.trials.items()
    )
    trial = evidence.trials[where]
    # small batches have few permutations: the main series tells most of the reason
    main = evidence.main
    if np.abs(main.weights - main.pixels).max() > main.tolerance:
        trial, where = main, "main"
        worst = float(np.abs(main.weights - main.pixels).max()) / main.tolerance
    gap = worst * trial.tolerance
    if worst <= 1:
        return [exact(NAME, True, f"equal to {gap:.1g}", "equal")]
    wrong = (np.abs(trial.weights - trial.pixels).max(2) > trial.tolerance).mean()
    seen = f"differ by up to {gap:.3f} in {wrong:.0%} of the rows ({where})"
    if all(_within_a_pixel(t) for t in evidence.trials.values()):
        seen += ": by less than a pixel, so lambda is the label and the mask has whole pixels"
        return [exact(NAME, False, seen, "equal", Verdict.NOTE)]
    return [exact(NAME, False, f"{seen}: {_reason(trial)}", "equal")]


def _within_a_pixel(trial: Trial) -> bool:
    """Whether labels miss shaped masks by less than a pixel, and others not at all."""
    pixel = 1 / (trial.setup.size[0] * trial.setup.size[1])
    gap = np.abs(trial.weights - trial.pixels).max(2)
    whole = trial.outputs[:, :, : trial.setup.batch]
    binary = bool((np.minimum(np.abs(whole), np.abs(whole - 1)) < 1e-3).mean() > 0.9)
    return binary and float(gap.max()) < pixel + trial.tolerance


def _labels_stay(evidence: Evidence) -> list[Finding]:
    gap = max(
        float(np.abs(t.weights - np.eye(t.setup.batch)).max()) for t in evidence.trials.values()
    )
    return [exact("labels stay", gap < 1e-4, f"label shares within {gap:.1g} of the own label")]


def _reason(trial: Trial) -> str:
    """The likeliest explanation of wrong labels, tried in turn."""
    index = np.arange(trial.setup.batch)
    own, label = trial.pixels[:, index, index], trial.weights[:, index, index]
    near = 3 * trial.tolerance
    mixed = (own < 1 - near) & (own > near)
    other = partners(trial.pixels)
    if bool((np.abs(label - (1 - own))[mixed] < near).all()):
        return "the shares of own and partner are exchanged"
    named = partners(trial.weights)
    there = (other >= 0) & (named >= 0)
    if there.any() and float((other != named)[there].mean()) > 0.1:
        return "the label is that of another sample than the image's partner"
    if bool((np.abs(label - own) < near).all()):
        return "the partner's share does not complete the own one"
    row = draws(trial)
    gap = row.weight - row.share
    height, width = row.mask.shape[1:]
    top, bottom, left, right = row.edges.T
    border = (top == 0) | (left == 0) | (bottom == height) | (right == width)
    inner = row.box & ~border
    if inner.sum() > 20 and bool((np.abs(gap[inner]) < near).all()):
        return "only boxes at the border are wrong: the label is not corrected for what is cut off"
    if bool((np.isclose(label, 0, atol=1e-6) | np.isclose(label, 1, atol=1e-6)).all()):
        return "labels are not mixed"
    if bool(np.allclose(gap[row.box].mean() if row.box.any() else gap.mean(), 0, atol=0.01)):
        return "right on average, so rounded, or the drawn lambda instead of the realized one"
    return f"the own label has {gap.mean():+.3f} too much on average"


def target_rows(evidence: Evidence) -> list[Finding]:
    """Rows of targets sum to one, and are smoothed by one amount."""
    trials = evidence.trials.values()
    gap = max(float(np.abs(trial.totals - 1).max()) for trial in trials)
    main = evidence.main
    kind = main.dtypes[1]
    wanted = evidence.claims.label == "other" or gap < 2e-2
    found = [exact("targets sum to one", wanted, f"sums within {gap:.1g} of one", "one")]
    whole = kind.startswith(("int", "uint", "bool"))
    mixed = bool((main.pixels.diagonal(axis1=1, axis2=2) < 0.99).any())
    if evidence.claims.kind != "erase" and mixed:
        found.append(exact("targets are fractions", not whole, f"targets are {kind}", "floats"))
    off = float(main.off.mean())
    if off > 1e-6:
        even = float(main.off.std()) < 1e-4
        amount = off * evidence.classes
        found.append(
            exact("label smoothing", even, f"about {amount:.3f}", "the same in every batch")
        )
    return found
