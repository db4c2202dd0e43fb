"""A pytest fixture that audits a mixing function and fails with what the audit found.

    # conftest.py
    pytest_plugins = ["mixlib.audit.pytest_plugin"]

    # test_augmentation.py
    def test_our_cutmix(audit_mixing):
        audit_mixing(our_cutmix, kind="box", alpha=1.0, prob=0.5)

Notes become warnings (``AuditNote``), so ``-W error`` is strict.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from mixlib.audit.claims import Claims, Effort, Kind
from mixlib.audit.forms import Form
from mixlib.audit.recover import Scope
from mixlib.audit.report import failure_text
from mixlib.audit.run import Report, audit

Beta = float | tuple[float, float]


class AuditNote(UserWarning):
    """A convention or a refusal that users of a mixing function should know."""


@dataclass(frozen=True)
class AuditMixing:
    """What the fixture gives: keyword arguments as those of :class:`mixlib.audit.Claims`.

    Attributes:
        draws, seed: of an audit that is given no effort of its own.
    """

    draws: int = 2000
    seed: int = 0

    def __call__(
        self,
        call: Callable[..., Any],
        *,
        kind: Kind = "unknown",
        alpha: Beta | None = None,
        box_alpha: Beta | None = None,
        prob: float | None = None,
        box_prob: float | None = None,
        scope: Scope | None = None,
        claims: Claims | None = None,
        form: Form | None = None,
        effort: Effort | None = None,
        classes: int | None = None,
        channels: int | None = None,
    ) -> Report:
        """The report of an audit without failures; notes are warnings, failures fail the test."""
        stated = claims or Claims(kind, alpha, box_alpha, prob, box_prob, scope)
        effort = effort or Effort(draws=self.draws, seed=self.seed)
        report = audit(call, stated, effort, form=form, classes=classes, channels=channels)
        for note in report.notes():
            warnings.warn(AuditNote(f"{note.check}: {note.seen}"), stacklevel=2)
        if report.failures():
            pytest.fail(failure_text(report), pytrace=False)
        return report


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds ``--audit-draws``, ``--audit-seed``."""
    group = parser.getgroup("mixlib audit")
    group.addoption("--audit-draws", type=int, default=2000, help="masks an audit rests on")
    group.addoption("--audit-seed", type=int, default=0, help="seed of audits")


@pytest.fixture
def audit_mixing(request: pytest.FixtureRequest) -> AuditMixing:
    """Audits a mixing function; the test fails where the audit does."""
    draws, seed = (request.config.getoption(f"--audit-{word}") for word in ("draws", "seed"))
    return AuditMixing(draws, seed)
