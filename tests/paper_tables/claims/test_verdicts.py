"""Verdicts on declared claims, and margins that stay once a result is kept."""

from __future__ import annotations

from dataclasses import replace

import pytest

from paper_tables.claims.margin_record import check_margins, read_record, record
from paper_tables.claims.verdicts import judge_number, judge_sentence
from paper_tables.measure import Measured
from paper_tables.measured_runs import FOLDER
from pipelines.declare import table
from pipelines.declare.claims import numbers_of, read_rules, read_sentences_of
from pipelines.declare.errors import DeclarationError

TABLES, RULES = table.load_all(), read_rules()


def claim(name: str, label: str):
    return next(c for c in numbers_of(TABLES[name], RULES) if c.label == label)


def judged(runs: tuple[float, ...], judges: bool = True):
    number = claim("table1", "AutoMix / CIFAR-100 R-18")
    return judge_number(number, RULES, {number.place: Measured(runs)}, judges)


def test_a_number_is_judged_by_its_runs():
    assert judged((82.0, 82.1, 82.04, 82.0)).state == "reproduced"
    assert judged((79.0, 79.1, 79.04, 79.0)).state == "contradicted"
    wide = judged((81.0, 83.2, 82.0))
    assert wide.state == "undecided"
    assert wide.missing == wide.seeds - 3 > 0
    assert judged((82.04,)).state == "undecided"


def test_a_run_of_another_scale_judges_nothing():
    assert judged((82.0, 82.1, 82.04, 82.0), judges=False).state == "other scale"


def test_what_is_not_run_says_how_many_seeds_it_needs():
    number = claim("table1", "AutoMix / CIFAR-100 R-18")
    verdict = judge_number(number, RULES, {}, True)
    assert (verdict.state, verdict.seeds, verdict.missing) == ("not run", 4, 4)


def test_a_gain_is_judged_against_the_cell_that_the_paper_names():
    gain = claim("table1", "Gain at CIFAR-100 RX-50")
    assert gain.over == ("Co-Mixup", "CIFAR-100 RX-50")
    grid = {gain.place: Measured((83.6, 83.7, 83.7)), gain.over: Measured((82.9, 82.9, 83.0))}
    assert judge_number(gain, RULES, grid, True).state == "reproduced"


def test_counted_numbers_need_one_run():
    number = claim("table11", "l = 3 / R-18 params (M)")
    for ours, state in ((11.443, "reproduced"), (11.41, "contradicted")):
        grid = {number.place: Measured((ours,))}
        assert judge_number(number, RULES, grid, True).state == state


@pytest.mark.parametrize(("lead", "state"), [(3.0, "reproduced"), (-3.0, "contradicted")])
def test_a_sentence_is_judged_by_its_pairs(lead, state):
    (sentence,) = read_sentences_of(TABLES["fig6"])
    ours = Measured((60.0 + lead, 60.1 + lead, 59.9 + lead))
    grid = {("AutoMix", "Top-1"): ours, ("without MP", "Top-1"): Measured((60.0, 60.2, 59.9))}
    assert judge_sentence(sentence, TABLES["fig6"], RULES, grid, True).state == state
    assert judge_sentence(sentence, TABLES["fig6"], RULES, grid, False).state == "other scale"


def test_the_margins_of_kept_results_are_those_they_were_kept_under():
    known = read_record(FOLDER)
    kept = [path for path in FOLDER.glob("*/*.json") if path.parent.name in TABLES]
    # a study has no claims
    assert kept
    assert {f"{path.parent.name}/{path.stem}" for path in kept} <= known.keys()
    check_margins(known, TABLES, RULES)


def test_a_margin_changed_after_a_kept_result_is_refused(tmp_path):
    record(tmp_path, TABLES["table13"], RULES, ["0123"])
    wider = [
        dict(r) | ({"standard_errors": 4} if "standard_errors" in r else {}) for r in RULES.rules
    ]
    late = replace(RULES, rules=tuple(wider))
    with pytest.raises(DeclarationError, match="a margin is fixed before its run"):
        check_margins(read_record(tmp_path), TABLES, late)
    with pytest.raises(DeclarationError, match="table13"):
        record(tmp_path, TABLES["table13"], late, ["4567"])
