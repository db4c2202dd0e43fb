"""Results of single checks, and the verdict over all of them at one family-wise level."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum


class Verdict(StrEnum):
    """How a check came out."""

    PASS = "pass"
    NOTE = "note"
    FAIL = "fail"
    INFO = "info"


@dataclass(frozen=True)
class Finding:
    """What one check saw.

    Attributes:
        check: its name.
        seen: what was seen, in words and numbers.
        wanted: what was expected.
        p: probability of such data if all is as expected; None for an exact statement.
        holds: an exact statement's truth; None where ``p`` decides, or where nothing is judged.
        severity: what it counts for where it does not hold: FAIL, or NOTE for conventions and
            refusals that a user should know.
        verdict: set by :func:`judge`.
    """

    check: str
    seen: str
    wanted: str = ""
    p: float | None = None
    holds: bool | None = None
    severity: Verdict = Verdict.FAIL
    verdict: Verdict = Verdict.INFO


def exact(
    check: str, holds: bool, seen: str, wanted: str = "", severity: Verdict = Verdict.FAIL
) -> Finding:
    """A finding without chance in it."""
    return Finding(check, seen, wanted, holds=bool(holds), severity=severity)


def judge(findings: Iterable[Finding], level: float) -> list[Finding]:
    """Verdicts such that correct code gets anything but PASS and INFO with at most this
    probability.

    Bonferroni over the tests that have a p-value: dependence between them does no harm.

    Example:
        >>> rare = Finding("rate of mixing", "0.25", "0.5", p=1e-9)
        >>> [str(f.verdict) for f in judge([rare, Finding("scope", "batch")], 1e-5)]
        ['fail', 'info']
    """
    findings = list(findings)
    tests = sum(finding.p is not None for finding in findings)
    limit = level / max(tests, 1)
    return [replace(finding, verdict=_verdict(finding, limit)) for finding in findings]


def _verdict(finding: Finding, limit: float) -> Verdict:
    if finding.p is None and finding.holds is None:
        return Verdict.INFO
    holds = finding.holds if finding.p is None else finding.p >= limit
    return Verdict.PASS if holds else finding.severity
