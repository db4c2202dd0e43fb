"""The verdict on every claim from the runs at one scale; never across scales."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from paper_tables.claims.statistics import (
    CONTRADICTED,
    REPRODUCED,
    UNDECIDED,
    Estimate,
    judge_equal,
    judge_order,
    of_all,
    of_runs,
    paired,
    seeds_needed,
    welch,
)
from paper_tables.measure import Grid, fixed
from pipelines.declare.claims import Number, Place, Rules, Sentence, leads
from pipelines.declare.table import Table

NOT_RUN, OTHER_SCALE, NO_MARGIN = "not run", "other scale", "no margin"


@dataclass(frozen=True)
class Verdict:
    """Where a claim stands.

    Attributes:
        state: reproduced, contradicted, undecided, not run, other scale or no margin.
        ours: what was measured, in words; "" where nothing was.
        seeds: runs a cell that a verdict needs in all, with the spread that was measured or, where
            none was, half of the margin; None: not known, or none needed.
        missing: how many of them are still to be run.
    """

    state: str
    ours: str = ""
    seeds: int | None = None
    missing: int = 0


def judge_number(claim: Number, rules: Rules, grid: Grid, judges: bool) -> Verdict:
    """The verdict on a printed number.

    Args:
        claim, rules: as declared.
        grid: the cells that are measured.
        judges: whether the runs are of a scale that may be compared with the paper.
    """
    places = [claim.place, *([claim.over] if claim.over else [])]
    cells = [grid[place] for place in places if place in grid and not grid[place].diverged]
    margin = claim.margin.amount
    if margin is None:
        return Verdict(NO_MARGIN)
    if not judges:
        return Verdict(OTHER_SCALE if len(cells) == len(places) else NOT_RUN)
    planned = seeds_needed(margin, margin / 2, rules.level, rules.power, sides=2)
    planned = 1 if claim.margin.exact else planned
    if len(cells) < len(places):
        return Verdict(NOT_RUN, seeds=planned, missing=planned or 0)
    runs = min(len(cell.values) for cell in cells)
    mean = _difference(claim, [[cell.mean] for cell in cells])[0]
    if claim.margin.exact:
        close = abs(mean - claim.printed) <= margin * (1 + 1e-9)
        return Verdict(REPRODUCED if close else CONTRADICTED, f"{mean:.4g}")
    if runs < 2:
        return Verdict(
            UNDECIDED, f"{fixed(mean, 2)}, one run", planned, max(0, (planned or 0) - runs)
        )
    alike = len({len(cell.values) for cell in cells}) == 1
    if alike:
        found = of_runs(_difference(claim, [cell.values for cell in cells]), claim.printed)
    else:
        both = welch(cells[0].values, cells[1].values)
        found = Estimate(both.mean - claim.printed, both.error, both.freedom)
    state = str(judge_equal(found, margin, rules.level))
    ours = f"{fixed(mean, 2)}, {runs} runs"
    if state != UNDECIDED:
        return Verdict(state, ours)
    spread = float(found.error) * runs**0.5
    needed = seeds_needed(margin, spread, rules.level, rules.power, sides=2)
    return Verdict(state, ours, needed, max(1, (needed or runs) - runs))


def _difference(claim: Number, values: Sequence[Sequence[float]]) -> np.ndarray:
    first = np.asarray(values[0], dtype=float)
    if claim.over is None:
        return first
    other = np.asarray(values[1], dtype=float)
    return 100 * (first - other) / other if claim.relative else first - other


def judge_sentence(
    sentence: Sentence, table: Table, rules: Rules, grid: Grid, judges: bool
) -> Verdict:
    """The verdict on a sentence: reproduced where every pair is, contradicted where one pair is at
    its share of the level; pairs with as many runs are compared seed by seed."""
    there = [p for p in sentence.pairs if all(x in grid and not grid[x].diverged for x in p)]
    if not judges:
        return Verdict(OTHER_SCALE if there else NOT_RUN)
    claimed = [lead for lead in leads(sentence, table, table.reference).values() if lead > 0]
    if len(there) < len(sentence.pairs) and not there:
        return Verdict(NOT_RUN)
    several = [p for p in there if min(len(grid[x].values) for x in p) > 1]
    found = [_lead(sentence, table, grid, pair) for pair in several]
    states = [str(judge_order(each, rules.level, len(sentence.pairs))) for each in found]
    states += [UNDECIDED] * (len(sentence.pairs) - len(states))
    state = str(of_all(states))
    ours = f"{states.count(REPRODUCED)} of {len(states)} pairs as said"
    if state != UNDECIDED or not several or not claimed:
        return Verdict(state, ours)
    runs = [min(len(grid[x].values) for x in pair) for pair in several]
    spread = max(float(e.error) * n**0.5 for e, n in zip(found, runs, strict=True))
    needed = seeds_needed(min(claimed), spread, rules.level, rules.power)
    return Verdict(state, ours, needed, max(1, (needed or min(runs)) - min(runs)))


def _lead(sentence: Sentence, table: Table, grid: Grid, pair: tuple[Place, Place]) -> Estimate:
    left, right = grid[pair[0]].values, grid[pair[1]].values
    if not sentence.higher(table, pair[0]):
        left, right = right, left
    return paired(left, right) if len(left) == len(right) else welch(left, right)
