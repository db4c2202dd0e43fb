"""Known faults are found, correct code is not objected to.

One seed a fault here; the full runs (20 seeds a fault, 200 of correct code) are
``python -m tests.mixlib.audit.all_seeds``, whose counts docs/audit.md gives.
"""

from __future__ import annotations

import pytest

from mixlib.audit import audit
from tests.mixlib.audit.mutants import CORRECT, MUTANTS, Mutant, alarms, effort


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_known_fault_is_found(mutant: Mutant) -> None:
    workers = 2 if mutant.check.startswith("streams") else 0
    report = audit(mutant.make(), mutant.claims, effort(1000, workers))
    assert any(f.check.startswith(mutant.check) for f in alarms(report)), report.findings


@pytest.mark.parametrize("name", CORRECT)
def test_correct_code_passes(name: str) -> None:
    make, claims = CORRECT[name]
    report = audit(make(), claims, effort(1001, workers=2 if name == "boxes" else 0))
    assert not alarms(report)


def test_names_of_mutants_are_distinct_and_enough() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 20
