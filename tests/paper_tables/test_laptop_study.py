"""The laptop comparison is what docs/protocol.md fixed: settings and epochs follow from kept runs
by its rules."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mixlib.data.catalog import DATASETS
from paper_tables.best_settings import best_settings
from paper_tables.equal_compute import equal_compute, step_times
from paper_tables.kept_page import page
from paper_tables.measured_runs import FOLDER, runs_of_study
from pipelines.declare import table as declared

LAPTOP = Path("paper_tables/laptop")
DOCS = Path("docs")
TUNED = ("laptop_vanilla", "laptop_alpha", "laptop_stochastic", "laptop_average")
COMPARED = ("laptop_epochs", "laptop_compute")
EPOCHS, SEEDS, MARGIN = 30, 5, 1.0
STEPS_PER_EPOCH = {"laptop_tuning": 4000 // 64, "laptop": 5000 // 64}
AS_PRINTED = "AutoMix (momentum 0.999)"


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
        best, points = best_settings(runs_of_study(tables[name])), points_of(tables[name])
        rows = {row: points[row, column] for row, column in best.items()}
        if name == "laptop_average":
            # tuned twice: the deviation on averages of weights
            found[AS_PRINTED] = found["AutoMix"]
        found |= rows
    return found


@pytest.fixture(scope="module")
def averaged(tables):
    """Rows whose average has the paper's share of a training."""
    return [row.label for row in tables["laptop_average"].rows]


def scaled(epochs, data):
    """The momentum that the protocol's deviation gives."""
    return {"start": round(1 - 100 / (epochs * STEPS_PER_EPOCH[data]), 3)}


def points_of(table):
    """(row, column) -> the declared fields of a cell."""
    return {
        (row.label, column.label): dict(table.point(row, column))
        for row in table.rows
        for column in table.columns
    }


def test_every_method_is_tuned_by_three_settings_and_one_run(tables, chosen):
    assert len(chosen) == 17
    for name in TUNED:
        assert (len(tables[name].columns), tables[name].seeds) == (3, 1)


@pytest.mark.parametrize("name", COMPARED)
def test_every_method_is_compared_with_its_best_setting(tables, chosen, averaged, name):
    table = tables[name]
    assert {row.label for row in table.rows} == chosen.keys()
    epochs = dict.fromkeys(chosen, EPOCHS)
    if name == "laptop_compute":
        times = step_times([runs_of_study(tables["laptop_steps"])])
        costs = equal_compute({**times, AS_PRINTED: times["AutoMix"]}, "Vanilla", EPOCHS)
        epochs = {row: cost.epochs for row, cost in costs.items()}
    for (row, _), point in points_of(table).items():
        changes = {**chosen[row]["changes"], "epochs": epochs[row], "evaluate_every": epochs[row]}
        expected = {**chosen[row], "data": "laptop", "changes": changes}
        if row in averaged:
            momentum = scaled(epochs[row], "laptop")
            expected["params"] = {**expected["params"], "momentum": momentum}
        assert point == expected, row


def test_averages_are_tuned_with_their_share_of_a_training(tables):
    for point in points_of(tables["laptop_average"]).values():
        assert point["params"]["momentum"] == scaled(EPOCHS, "laptop_tuning")


def test_the_time_of_a_step_is_that_of_the_compared_methods(tables, chosen):
    rows = {row for row, _ in points_of(tables["laptop_steps"])}
    assert rows == chosen.keys() - {AS_PRINTED}
    for (row, _), point in points_of(tables["laptop_steps"]).items():
        expected = {**chosen[row], "data": "laptop"}
        expected["changes"] = {**chosen[row]["changes"], "epochs": 2, "evaluate_every": 2}
        assert costly(point) == costly(expected), row


def costly(point):
    """The fields that change the operations of a step."""
    free = ("alpha", "mixup", "cutmix", "momentum")
    params = {key: value for key, value in point.get("params", {}).items() if key not in free}
    return {**point, "params": params}


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


def test_every_comparison_has_its_runs(tables):
    for name in COMPARED:
        runs = runs_of_study(tables[name])
        assert {row for row, _ in runs.numbers} == {row.label for row in tables[name].rows}
        assert {len(cell.values) for cell in runs.numbers.values()} == {SEEDS}


@pytest.mark.parametrize("name", ["laptop", "masks"])
@pytest.mark.usefixtures("tables")
def test_a_page_is_that_of_the_kept_runs(name, tmp_path):
    """python -m paper_tables.kept_page paper_tables/laptop docs/laptop.md"""
    (tmp_path / "images").mkdir()
    made = page(LAPTOP.parent / name, FOLDER, tmp_path / "images", tmp_path)
    assert made == (DOCS / f"{name}.md").read_text()
    for path in (tmp_path / "images").iterdir():
        assert (DOCS / "images" / path.name).exists()


@pytest.mark.parametrize("path", [Path("README.md"), LAPTOP / "about.md"], ids=str)
def test_numbers_in_prose_are_those_of_the_kept_runs(tables, path):
    means: dict[str, set[str]] = {}
    for name in COMPARED:
        for (row, _), cell in runs_of_study(tables[name]).numbers.items():
            means.setdefault(row, set()).add(f"{cell.mean:.1f}")
    lines = path.read_text().splitlines()
    said = [line for line in lines if path.stem == "about" or "docs/laptop.md" in line]
    rows = "|".join(re.escape(row) for row in sorted(means, key=len, reverse=True))
    found = re.findall(rf"({rows}) (\d\d\.\d)", "\n".join(said))
    assert len(found) >= 5
    for row, number in found:
        assert number in means[row], (row, number)
