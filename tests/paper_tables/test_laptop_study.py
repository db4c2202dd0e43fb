"""The laptop comparison is what docs/protocol.md fixed: settings and epochs follow from kept runs
by its rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from mixlib.data.catalog import DATASETS
from paper_tables.best_settings import best_settings
from paper_tables.equal_compute import equal_compute, step_times
from paper_tables.measured_runs import runs_of_study
from pipelines.declare import table as declared

LAPTOP = Path("paper_tables/laptop")
TUNED = ("laptop_vanilla", "laptop_alpha", "laptop_stochastic")
COMPARED = ("laptop_epochs", "laptop_compute")
EPOCHS, SEEDS, MARGIN = 30, 5, 1.0


@pytest.fixture(scope="module")
def tables():
    """The study's tables; its images are its own."""
    before = dict(DATASETS)
    yield declared.load_all(LAPTOP)
    for name in DATASETS.keys() - before.keys():
        DATASETS.pop(name)


@pytest.fixture(scope="module")
def chosen(tables):
    """Row -> the declared fields of its best setting."""
    found = {}
    for name in TUNED:
        best = best_settings(runs_of_study(tables[name]))
        points = points_of(tables[name])
        found |= {row: points[row, column] for row, column in best.items()}
    return found


def points_of(table):
    """(row, column) -> the declared fields of a cell."""
    return {
        (row.label, column.label): dict(table.point(row, column))
        for row in table.rows
        for column in table.columns
    }


def test_every_method_is_tuned_by_three_settings_and_one_run(tables, chosen):
    assert len(chosen) == 16
    for name in TUNED:
        assert (len(tables[name].columns), tables[name].seeds) == (3, 1)


@pytest.mark.parametrize("name", COMPARED)
def test_every_method_is_compared_with_its_best_setting(tables, chosen, name):
    table = tables[name]
    assert {row.label for row in table.rows} == chosen.keys()
    epochs = dict.fromkeys(chosen, EPOCHS)
    if name == "laptop_compute":
        times = step_times([runs_of_study(tables["laptop_steps"])])
        costs = equal_compute(times, "Vanilla", EPOCHS)
        epochs = {row: cost.epochs for row, cost in costs.items()}
    for (row, _), point in points_of(table).items():
        changes = {**chosen[row]["changes"], "epochs": epochs[row], "evaluate_every": epochs[row]}
        assert point == {**chosen[row], "data": "laptop", "changes": changes}, row


def test_the_time_of_a_step_is_that_of_the_compared_settings(tables, chosen):
    for (row, _), point in points_of(tables["laptop_steps"]).items():
        changes = {**chosen[row]["changes"], "epochs": 2, "evaluate_every": 2}
        assert point == {**chosen[row], "data": "laptop", "changes": changes}, row


@pytest.mark.parametrize("name", COMPARED)
def test_the_comparison_is_the_protocols(tables, name):
    table = tables[name]
    assert (table.seeds, table.paired.margin, table.paired.level) == (SEEDS, MARGIN, 0.05)
    assert table.paired.references == ("Vanilla", "AutoMix")
    assert table.fixed["pick"] == "last"


def test_the_tuning_leaves_the_test_images_alone(tables):
    tuning, compared = DATASETS["laptop_tuning"], DATASETS["laptop"]
    assert tuning.folder == compared.folder
    assert {tables[name].fixed["data"] for name in TUNED} == {"laptop_tuning"}
    assert (tuning.train_images, tuning.held_out) == (5000, 1000)
    assert (compared.train_images, compared.held_out) == (5000, 0)
