"""One audit from start to end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mixlib.audit.checks import CHECKS
from mixlib.audit.claims import Claims, Effort
from mixlib.audit.evidence import Evidence, Gatherer
from mixlib.audit.finding import Finding, Verdict, exact, judge
from mixlib.audit.forms import Form
from mixlib.audit.libraries import form_of
from mixlib.audit.moments import Coefficients, by_displacement


@dataclass(frozen=True)
class Report:
    """What an audit found.

    Attributes:
        name: of what was audited.
        claims, effort: what was said, and how closely it was looked at.
        findings: with their verdicts, in the order of the checks.
        coefficients: of the regularizer, None where nothing was mixed.
        seconds: that it took.
    """

    name: str
    claims: Claims
    effort: Effort
    findings: tuple[Finding, ...]
    coefficients: Coefficients | None
    seconds: float

    def failures(self) -> list[Finding]:
        """Findings that contradict what was said or what mixing is."""
        return [f for f in self.findings if f.verdict is Verdict.FAIL]

    def notes(self) -> list[Finding]:
        """Conventions and refusals that a user should know."""
        return [f for f in self.findings if f.verdict is Verdict.NOTE]


def audit(
    call: Callable[..., Any],
    claims: Claims | None = None,
    effort: Effort | None = None,
    *,
    form: Form | None = None,
    classes: int | None = None,
    channels: int | None = None,
    name: str | None = None,
) -> Report:
    """Audits a mixing function from outside: one-hot images in, images and targets out.

    Args:
        call: any mixing function.
        claims: what it is said to do; nothing if None.
        effort: how closely to look.
        form: shape of its call; that of its library, or ``call(images, labels)``, if None.
        classes: length of a soft label, at least as many as samples; two more if None.
        channels: of an image; as many as samples if None.  A function that takes three is audited
            with ``Effort(batch=2)``.
        name: for the report.

    Raises:
        ValueError: fewer classes or channels than samples in a batch.

    Example:
        >>> import torch
        >>> def half(images, labels):
        ...     rows = torch.nn.functional.one_hot(labels, 10).float()
        ...     return (images + images.roll(1, 0)) / 2, (rows + rows.roll(1, 0)) / 2
        >>> report = audit(half, Claims(kind="mixup"), Effort(draws=200, workers=0))
        >>> "draws differ from call to call" in {f.check for f in report.failures()}
        True
    """
    start = time.perf_counter()
    claims, effort = claims or Claims(), effort or Effort()
    classes = effort.batch + 2 if classes is None else classes
    if classes < effort.batch or (channels is not None and channels < effort.batch):
        raise ValueError(
            f"a batch of {effort.batch} one-hot images needs as many classes (got {classes}) and "
            f"channels (got {channels}); lower the batch"
        )
    title = name or str(getattr(call, "__qualname__", type(call).__qualname__))
    try:
        gatherer = Gatherer(call, claims, effort, form or form_of(call), classes, channels)
        evidence = gatherer.evidence()
    except Exception as error:  # a foreign function may raise anything: that is the finding
        line = (str(error).strip().splitlines() or [""])[0]
        stop = exact("a plain batch is mixed", False, f"{type(error).__name__}: {line}", "mixed")
        spent = time.perf_counter() - start
        return Report(title, claims, effort, tuple(judge([stop], effort.level)), None, spent)
    findings = judge([f for check in CHECKS for f in check(evidence)], effort.level)
    found = _coefficients(evidence) if effort.coefficients else None
    spent = time.perf_counter() - start
    return Report(title, claims, effort, tuple(findings), found, spent)


def _coefficients(evidence: Evidence) -> Coefficients | None:
    d = evidence.draws
    if not d.visible.any() or evidence.claims.kind == "erase":
        return None
    return by_displacement(d.mask, d.weight)
