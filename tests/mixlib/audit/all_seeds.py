"""Every mutant under many seeds, and correct code under many more: an hour of one core.

python -m tests.mixlib.audit.all_seeds mutants 20
python -m tests.mixlib.audit.all_seeds correct 200

A third number is the first seed: 50 150 takes seeds 150 to 199.
"""

from __future__ import annotations

import sys

import torch

from mixlib.audit import audit
from tests.mixlib.audit.mutants import CORRECT, MUTANTS, alarms, effort


def mutants(seeds: int, first: int = 0) -> bool:
    """Whether every mutant is found under every seed; prints counts."""
    complete = True
    for mutant in MUTANTS:
        found = 0
        for seed in range(first, first + seeds):
            workers = 2 if mutant.check.startswith("streams") else 0
            report = audit(mutant.make(), mutant.claims, effort(seed, workers))
            found += any(f.check.startswith(mutant.check) for f in alarms(report))
        print(f"{mutant.name}: {found} of {seeds}", flush=True)
        complete &= found == seeds
    return complete


def correct(seeds: int, first: int = 0) -> bool:
    """Whether no correct mixer is objected to, each seed taking the next one; prints alarms."""
    names = list(CORRECT)
    count = 0
    for seed in range(first, first + seeds):
        name = names[seed % len(names)]
        make, claims = CORRECT[name]
        for alarm in alarms(audit(make(), claims, effort(seed, 2 if seed % 20 < 9 else 0))):
            count += 1
            print(f"{name}, seed {seed}: {alarm}", flush=True)
    print(f"{count} alarms over {seeds} seeds of {len(names)} correct mixers")
    return count == 0


if __name__ == "__main__":
    torch.set_num_threads(1)
    run = {"mutants": mutants, "correct": correct}[sys.argv[1]]
    sys.exit(not run(*map(int, sys.argv[2:])))
