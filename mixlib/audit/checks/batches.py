"""Batches of other sizes and images of other shapes."""

from __future__ import annotations

import numpy as np

from mixlib.audit.evidence import Evidence
from mixlib.audit.finding import Finding, Verdict, exact

REFUSALS = (ValueError, TypeError, AssertionError, NotImplementedError)


def sizes(evidence: Evidence) -> list[Finding]:
    """Images that are not square, and small ones, are mixed as well."""
    return [
        _outcome(f"image size, {name}", error, "mixed") for name, error in evidence.errors.items()
    ]


def odd_and_single(evidence: Evidence) -> list[Finding]:
    """Odd batches are mixed; a single sample is returned as it is, with its label."""
    found = []
    for size, got in evidence.batches.items():
        name = "single samples" if size == 1 else f"odd batches, {size} samples"
        if isinstance(got, Exception):
            found.append(_outcome(name, got, "mixed" if size > 1 else "returned as they are"))
        elif size == 1 and evidence.claims.kind != "erase":
            own = bool(np.allclose(got.pixels, 1, atol=got.tolerance))
            label = evidence.claims.label == "other" or bool(
                np.allclose(got.weights, 1, atol=got.tolerance)
            )
            seen = "as they are" if own and label else "changed, with nothing to mix with"
            found.append(exact(name, own and label, seen, "returned as they are"))
        else:
            found.append(exact(name, True, "accepted", "mixed"))
    return found


def _outcome(name: str, error: Exception, wanted: str) -> Finding:
    """A refusal is a note, a crash a fault."""
    line = (str(error).strip().splitlines() or [""])[0][:90]
    refused = isinstance(error, REFUSALS)
    seen = f"{'refused' if refused else 'fails'} ({type(error).__name__}: {line})"
    return exact(name, False, seen, wanted, Verdict.NOTE if refused else Verdict.FAIL)
