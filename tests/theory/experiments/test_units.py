"""Units of experiments: kept, resumed, measured anew when the declaration changes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from theory.experiments.page import Page
from theory.experiments.units import Declaration, Experiment, Unit, column
from theory.plots import figure


@dataclass(frozen=True)
class Small(Declaration):
    seeds: int = 3
    scale: float = 2.0


def experiment(calls, stop=None):
    def measure(declared, unit):
        if len(calls) == stop:
            raise KeyboardInterrupt
        calls.append(unit)
        return {"value": declared.scale * unit.seed}

    return Experiment(
        "small",
        Small(),
        lambda declared: [Unit((v,), s) for v in "ab" for s in range(declared.seeds)],
        measure,
        lambda declared, found: Page("t", "q"),
        lambda declared, found: figure(1, 1, 1, 1)[0],
    )


def test_a_run_that_is_cut_off_goes_on(tmp_path):
    calls: list[Unit] = []
    with pytest.raises(KeyboardInterrupt):
        experiment(calls, stop=4).run(kept=tmp_path)
    reports = []
    found = experiment(calls).run(lambda done, of: reports.append((done, of)), tmp_path)
    assert len(calls) == 6  # none twice
    assert len(set(calls)) == 6
    assert reports[-1] == (6, 6)
    assert column(found, "value", "b") == [0.0, 2.0, 4.0]
    assert not list(tmp_path.rglob("*.[0-9]*"))  # nothing half-written


def test_another_declaration_measures_anew(tmp_path):
    calls: list[Unit] = []
    first = experiment(calls)
    first.run(kept=tmp_path)
    changed = replace(first, declared=Small(scale=3.0)).run(kept=tmp_path)
    assert len(calls) == 12
    assert column(changed, "value", "a") == [0.0, 3.0, 6.0]
    replace(first, declared=Small(revision=2)).run(kept=tmp_path)
    assert len(calls) == 18
