"""Paired comparisons: the paired t test with two rows, nominal errors with many, honest words."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import f_oneway, ttest_rel

from paper_tables.drawings.canvas import Drawing
from paper_tables.drawings.registry import load_drawing
from paper_tables.measure import Measured
from paper_tables.paired import compare, holm, paired_notes, rest
from pipelines.declare import scale, table
from pipelines.declare.errors import DeclarationError
from pipelines.declare.paired import Paired, read_paired
from pipelines.execute.store import Store

ROWS = ("Vanilla", "Mixup", "CutMix", "AutoMix")
STUDY = """study: Does mixing help?
seeds: 4
tables:
  compare:
    rows: {method: [vanilla, mixup, cutmix, automix]}
    fixed: {data: cifar10, backbone: resnet18_cifar, recipe: cifar}
    figure: paired_differences
    paired: {with: [Vanilla], margin: 1.0}
"""


def runs(rng, means, seeds=5, seed_spread=1.0, spread=0.7):
    """Rows [R, S] with a shift that all rows of a seed share."""
    shift = rng.normal(0, seed_spread, seeds)
    return np.asarray(means)[:, None] + shift + rng.normal(0, spread, (len(means), seeds))


def test_two_rows_are_the_paired_t_test():
    values = runs(np.random.default_rng(0), [50.0, 51.0])
    (found,), noise = compare({"a": values[0], "b": values[1]}, Paired(("a",)))
    theirs = ttest_rel(values[1], values[0])
    assert found.p == pytest.approx(theirs.pvalue)
    interval = theirs.confidence_interval(0.95)
    assert found.mean - found.half == pytest.approx(interval.low)
    assert found.mean + found.half == pytest.approx(interval.high)
    assert noise.freedom == 4


def test_the_rest_is_that_of_the_analysis_of_variance():
    """Taking out the seeds' means by hand leaves the within-row squares of a one-way analysis."""
    values = runs(np.random.default_rng(1), [50.0, 51.0, 52.0])
    flat = values - values.mean(0)
    within = ((flat - flat.mean(1, keepdims=True)) ** 2).sum()
    found = rest(values)
    assert found.spread == pytest.approx(math.sqrt(within / 8))
    # and of scipy's, whose degrees of freedom do not know of the seeds
    between = 5 * (flat.mean(1) ** 2).sum() / 2
    assert f_oneway(*flat).statistic == pytest.approx(between / (within / 12))


def test_errors_are_nominal_over_tables_of_known_truth():
    """True differences between half of the rows: of 2,000 tables at most 5 % (and chance) say any
    other row better or worse, and at most 5 % have an interval beside the truth."""
    rng, declared, tables = np.random.default_rng(2), Paired(("0", "4")), 2000
    truth = np.array([0.0, 0.0, 0.0, 2.0, 2.0, 2.0])
    wrong = beside = 0
    for _ in range(tables):
        values = runs(rng, truth)
        found, _ = compare({str(i): row for i, row in enumerate(values)}, declared)
        true = [truth[int(d.row)] - truth[int(d.reference)] for d in found]
        wrong += any(t == 0 and d.word != "undecided" for t, d in zip(true, found, strict=True))
        beside += any(abs(d.mean - t) > d.half for t, d in zip(true, found, strict=True))
    limit = 0.05 + 3 * math.sqrt(0.05 * 0.95 / tables)
    assert wrong / tables < limit
    assert beside / tables < limit


def test_a_true_difference_is_found_and_its_direction_is_named():
    values = runs(np.random.default_rng(3), [50.0, 53.0, 47.0, 50.0])
    rows = dict(zip(ROWS, values, strict=True))
    found, _ = compare(rows, Paired(("Vanilla",)))
    assert [each.word for each in found] == ["better", "worse", "undecided"]
    lower, _ = compare(rows, Paired(("Vanilla",)), higher_is_better=False)
    assert [each.word for each in lower] == ["worse", "better", "undecided"]


def test_equal_needs_a_margin_and_enough_runs():
    values = runs(np.random.default_rng(4), [50.0, 50.1], seeds=40)
    rows = {"a": values[0], "b": values[1]}
    assert compare(rows, Paired(("a",), margin=1.0))[0][0].word == "within the margin"
    assert compare(rows, Paired(("a",)))[0][0].word == "undecided"
    few = {name: row[:2] for name, row in rows.items()}
    assert compare(few, Paired(("a",), margin=1.0))[0][0].word == "undecided"


def test_holm_by_hand():
    # Holm (1979): 4 x 0.005, 3 x 0.01, 2 x 0.03, 1 x 0.04 (not below the one before)
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]


@pytest.fixture
def declared(tmp_path):
    path = tmp_path / "one.yaml"
    path.write_text(STUDY)
    return table.load(path)["compare"]


def grid_of(values):
    return {(row, "Top-1"): Measured(tuple(v)) for row, v in zip(ROWS, values, strict=True)}


def test_the_page_says_what_was_compared_and_how(declared):
    values = runs(np.random.default_rng(5), [50.0, 54.0, 46.0, 50.0], seeds=4)
    first, second = paired_notes(declared, grid_of(values))
    assert first.startswith("Against Vanilla, by seed: better: Mixup +")
    assert "; worse: CutMix -" in first
    assert "3 comparisons at 5 % together" in second
    assert "4 seeds" in second
    assert "9 degrees of freedom" in second
    assert "Left out" not in second


def test_a_row_that_diverged_or_lacks_runs_is_left_out_and_named(declared):
    values = runs(np.random.default_rng(6), [50.0, 54.0, 46.0, 50.0], seeds=4)
    grid = grid_of(values)
    grid["CutMix", "Top-1"] = Measured((50.0, math.nan, 51.0, 49.0))
    grid["AutoMix", "Top-1"] = Measured((50.0, 51.0))
    *_, last = paired_notes(declared, grid)
    assert "another number of runs: CutMix, AutoMix." in last
    assert paired_notes(declared, {key: Measured((50.0,)) for key in grid}) == []
    assert paired_notes(replace(declared, paired=None), grid) == []


def test_the_picture_is_drawn_with_and_without_anything_to_compare(declared, tmp_path):
    many = grid_of(runs(np.random.default_rng(7), [50.0, 54.0, 46.0, 50.0], seeds=4))
    sizes = []
    for number, grid in enumerate((many, {key: Measured((50.0,)) for key in many})):
        path = tmp_path / f"{number}.png"
        drawing = Drawing(declared, scale.as_declared({}), grid, (), Store(tmp_path))
        load_drawing("paired_differences")(drawing, (path,))
        sizes.append(path.stat().st_size)
    assert min(sizes) > 5000


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"with": ["Vanila"]}, "did you mean 'Vanilla'"),
        ({"with": []}, "with"),
        ({"margin": 1.0}, "with"),
        ({"with": ["Vanilla"], "level": 0.0}, "level"),
    ],
)
def test_a_wrong_declaration_is_refused(tmp_path, spec, said):
    path = tmp_path / "one.yaml"
    path.write_text(STUDY.replace("{with: [Vanilla], margin: 1.0}", str(spec).replace("'", "")))
    with pytest.raises(DeclarationError, match=said):
        table.load(path)


def test_none_declared_is_none():
    assert read_paired("here", None, ROWS) is None
