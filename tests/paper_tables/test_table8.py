"""Table 8's shape: methods side by side, a baseline row without a winner, example pictures."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from paper_tables.measure import baseline, best, measure, panels
from paper_tables.render import products, render
from paper_tables.sheet import build_sheet
from paper_tables.writers import write_markdown
from pipelines.declare import scale, table
from pipelines.declare.errors import DeclarationError
from pipelines.execute.outcome import Outcome
from pipelines.execute.store import Store
from pipelines.plan import grid
from pipelines.plan.kinds.localize import LocalizeJob
from pipelines.plan.kinds.train import TrainJob

VALUES = {"vanilla": 40.0, "mixup": 38.0, "automix": 45.5}
PRIOR = "Center prior (no network)"
# the demo's own part has one network
WHOLE = replace(scale.load("demo"), parts={})


@pytest.fixture(scope="module")
def plan():
    paper = table.load_all()["table8"]
    columns = tuple(c for c in paper.columns if c.sets["method"] in VALUES)
    return grid.plan({"table8": replace(paper, columns=columns)}, WHOLE)


def samples(path):
    """Two samples on a small grid, one with two true boxes."""
    rng = np.random.default_rng(0)
    np.savez(
        path,
        names=np.array(["a.jpg", "b.jpg"]),
        images=rng.integers(0, 255, (2, 32, 32, 3), dtype=np.uint8),
        maps=rng.integers(0, 255, (2, 32, 32), dtype=np.uint8),
        predicted=np.array([[4, 4, 20, 20], [1, 2, 30, 31]]),
        overlap=np.array([0.5, 0.25]),
        true=np.array([[0, 5, 5, 20, 22], [1, 0, 0, 9, 9], [1, 12, 12, 30, 30]]),
    )


@pytest.fixture(scope="module")
def store(plan, tmp_path_factory):
    kept = Store(tmp_path_factory.mktemp("results"))
    for job in plan.of_kind("localize").values():
        value = 24.0 if job.parent is None else VALUES[job.parent.method.name]
        with kept.working(job) as folder:
            samples(folder / "samples.npz")
            metrics = {
                "MaxBoxAccV2": value,
                "BoxAccV2_validation": value - 1.0,
                "BoxAccV2_no_boxes": value - 9.0,
            }
            kept.commit(job, folder, Outcome(metrics, [], 1.0, keep=("samples.npz",)))
    return kept


def test_the_paper_numbers_stand_in_the_declaration():
    paper = table.load_all()["table8"]
    assert paper.reference["R-18", "AutoMix"] == 54.46
    assert paper.reference["RX-50", "FMix"] == 59.80
    assert not [key for key in paper.reference if key[0] == PRIOR]
    assert "56.8" in " ".join(paper.footnotes)


def test_the_prior_is_one_job_whatever_the_method_and_seed(plan):
    own = [cell for cell in plan.cells["table8"] if cell.row == PRIOR]
    assert len({job.digest for cell in own for job in cell.jobs}) == 1
    assert all(len(cell.jobs) == 1 for cell in own)
    declared = plan.tables["table8"]
    paper = grid.plan({"table8": declared}, replace(WHOLE, seeds_of={}, seeds=3))
    counts = {cell.row: len(cell.jobs) for cell in paper.cells["table8"]}
    assert {label: counts[label] for label in ("R-18", "RX-50", PRIOR)} == {
        "R-18": 3, "RX-50": 3, PRIOR: 1,
    }  # fmt: skip
    # other thresholds are other numbers of the same measurements
    assert len(paper.of_kind("localize")) == 3 * 2 * len(declared.columns) + 1


def test_methods_are_compared_within_a_row_and_a_baseline_has_no_best(plan, store):
    paper = plan.tables["table8"]
    numbers = measure(paper, plan.cells["table8"], store)
    several = {at: replace(cell, values=cell.values + cell.values) for at, cell in numbers.items()}
    assert best(paper, several) == {
        (row.label, "AutoMix") for row in paper.rows if "prior" not in row.label
    }
    assert not best(paper, numbers), "one run a cell"
    assert [label for label, cells in panels(paper) if baseline(numbers, cells)] == [
        row.label for row in paper.rows if "prior" in row.label
    ]
    text = write_markdown(build_sheet(paper, numbers, plan.scale, ()))
    assert f"| {PRIOR} | 24.00 | 24.00 | 24.00 |" in text
    assert "| R-18 | 40.00 | 38.00 | 45.50 |" in text
    assert "| R-18, validation threshold | 39.00 | 37.00 | 44.50 |" in text
    assert "| R-18, threshold without boxes | 31.00 | 29.00 | 36.50 |" in text
    assert "n = 1 run a cell" in text


def test_the_pictures_are_a_product_and_part_of_the_page(plan, store, tmp_path):
    render(plan, "table8", store, tmp_path)
    for path in products(plan, "table8", tmp_path):
        assert path.stat().st_size > 0, path
    assert (tmp_path / "table8" / "pictures.png") in products(plan, "table8", tmp_path)
    with Image.open(tmp_path / "table8" / "pictures.png") as picture:
        assert min(picture.size) > 200
    assert (tmp_path / "table8" / "table.html").read_text().count("data:image/png") == 2


def test_a_table_without_pictures_has_no_such_product():
    whole = grid.plan({"table7": table.load_all()["table7"]}, scale.load("demo"))
    assert not [path for path in products(whole, "table7") if path.name == "pictures.png"]


def test_an_unknown_axis_to_compare_is_refused(tmp_path):
    path = tmp_path / "paper.yaml"
    path.write_text(
        "paper: P\ntables:\n  t:\n    title: T\n    source: S\n    kind: localize\n"
        "    compare: cells\n    rows: {method: [vanilla]}\n    columns: {data: [cub200]}\n"
    )
    with pytest.raises(DeclarationError, match="no axis to compare 'cells'"):
        table.load(path)


def test_the_paper_scale_starts_from_published_weights_and_keeps_the_recipe():
    whole = grid.plan({"table8": table.load_all()["table8"]}, scale.load("paper"))
    trained = [job for job in whole.jobs.values() if isinstance(job, TrainJob)]
    assert len(trained) == 3 * 2 * len(whole.tables["table8"].columns)
    for job in trained:
        recipe = job.recipe
        assert (recipe.epochs, recipe.batch, recipe.lr, recipe.weight_decay) == (
            200,
            16,
            1e-3,
            5e-4,
        )
        assert job.weights is not None
        assert job.weights.name == "torchvision"
        assert dict(job.weights.params)["version"] == "IMAGENET1K_V1"
    located = [job for job in whole.jobs.values() if isinstance(job, LocalizeJob)]
    assert located
    assert all(job.settings.input == 224 for job in located)
