"""Small samples of the scripts beside this file; their full counts are commands, see there."""

from __future__ import annotations

import pytest

from tests.faults.fuzz_declarations import fuzz
from tests.faults.kill_runs import kill_runs

pytestmark = [pytest.mark.faults, pytest.mark.xdist_group("faults")]


def test_mutated_declarations_lead_to_a_plan_or_a_refusing_line():
    totals, faults = fuzz(60, 3)
    assert not faults, "\n".join(faults)
    assert totals["refused"] + totals["plan"] == 60
    assert totals["plan"] > 3


def test_killed_runs_end_with_the_same_bytes():
    report = kill_runs(3, 3)
    assert not report.wrong
    assert not report.tracebacks, "\n".join(report.tracebacks)
    assert report.kills >= 3
