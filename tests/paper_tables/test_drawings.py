"""Pictures from stored results: drawn without error, not empty, and the same bytes again."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from matplotlib import image

from paper_tables.drawings import dots, gradients
from paper_tables.drawings.canvas import Drawing
from paper_tables.drawings.registry import load_drawing
from paper_tables.drawings.trained_networks import context_of
from paper_tables.measure import best, measure, panels
from paper_tables.render import render
from paper_tables.sheet import EMPTY, build_sheet
from paper_tables.writers import write_csv, write_html, write_markdown, write_tex
from pipelines.data import datasets
from pipelines.data.fingerprints import specify
from pipelines.declare import scale, table
from pipelines.execute.outcome import Outcome
from pipelines.execute.perform import perform
from pipelines.execute.store import Store
from pipelines.execute.train import trained_objective
from pipelines.plan import grid
from theory.gradients import input_gradients, normalized, product_map

TABLES = table.load_all()
TRAINED = ("fig4", "fig6", "fig7", "fig12")
NUMBERS = ("table10", "table11", "fig1", "fig9", "fig10", *(f"msda_table{i}" for i in (1, 2, 3)))
SMALLEST = {"train": 64, "val": 40}


def tiny() -> scale.Scale:
    """The demo scale with a few steps on a few images."""
    demo = scale.load("demo")
    world = {"name": "shapes", "spec": SMALLEST}
    kinds = {"train": {"default": {**demo.settings("train", ""), "epochs": 3, "batch": 16}}}
    data = dict.fromkeys(demo.data, world)
    return replace(demo, seeds=1, seeds_of={}, data=data, kinds=kinds)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A plan of the pictures of trained networks, with its results."""
    names = (*TRAINED, "msda_fig4")
    plan = grid.plan({name: TABLES[name] for name in names}, tiny())
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for data in plan.data.values():
            row = datasets.DATASETS[data.name]
            datasets.prepare(row, specify(row, dict(data.spec)))
        store = Store()
        for job in plan.jobs.values():
            perform(job, store, checkpoint_seconds=1e9, accelerator="cpu")
        yield plan, store


@pytest.mark.parametrize("name", TRAINED)
def test_a_trained_method_is_drawn(trained, name, tmp_path):
    plan, store = trained
    out = render(plan, name, store, tmp_path / "a") / "figure.png"
    again = render(plan, name, store, tmp_path / "b") / "figure.png"
    assert out.read_bytes() == again.read_bytes()
    pixels = image.imread(out)
    # a photograph has thousands of colors, axes alone a few dozen
    assert len(np.unique(pixels.reshape(-1, pixels.shape[-1]), axis=0)) > 2000


def test_mixed_accuracy_is_measured_over_the_label_share(trained):
    plan, store = trained
    result = store.read(plan.needed("fig4")[0])
    assert set(result["metrics"]) == {"mixed_top1", "mixed_top2"}
    assert all(0 <= row["top2"] <= 100 and row["n"] >= row["pairs"] for row in result["history"])
    # every round of the 40 test images, none lost between the bins
    assert sum(row["n"] for row in result["history"]) == 4 * SMALLEST["val"]


def test_a_training_keeps_the_snapshots_that_were_asked_for(trained):
    plan, store = trained
    for job in plan.needed("fig7"):
        assert job.snapshots == (0, 2)
        kept = {path.name for path in store.folder(job).glob("objective-*.pt")}
        assert kept == {"objective-0000.pt", "objective-0002.pt"}
        metrics = store.read(job)["metrics"]
        assert metrics["parameters"] > 0.07
        assert metrics["step_ms"] > 0


def test_products_of_gradients_are_those_of_the_trained_networks(trained, tmp_path, monkeypatch):
    plan, store = trained
    monkeypatch.setattr(gradients, "IMAGES", 6)
    jobs = [cell.jobs[0] for cell in plan.cells["msda_fig4"]]
    vanilla, cutmix = (gradients.of_network(jobs[i], store) for i in (0, 2))
    assert vanilla.shape == (127, 127)
    assert vanilla.max() == vanilla[63, 63] == 1
    assert torch.equal(vanilla, vanilla.flip(0, 1))
    assert not torch.allclose(vanilla, cutmix, atol=0.05)
    x, y = gradients.spread(jobs[0], store, 6)
    # sorted by class on disk, so the first six would be of one or two
    assert len(y.unique()) == 6
    predictor = trained_objective(jobs[0], context_of(store), "objective.pt").predictor().eval()
    again = normalized(product_map(input_gradients(predictor, x, y)))
    assert torch.equal(vanilla, again)
    pictures = [
        (render(plan, "msda_fig4", store, tmp_path / at) / "figure.svg").read_bytes() for at in "ab"
    ]
    assert pictures[0] == pictures[1]


@pytest.fixture(scope="module")
def invented(tmp_path_factory):
    """Plan and results of the tables that show numbers only; a job's number is its place."""
    plan = grid.plan({name: TABLES[name] for name in NUMBERS}, scale.load("demo"))
    store = Store(tmp_path_factory.mktemp("invented"))
    for i, job in enumerate(plan.jobs.values()):
        with store.working(job) as folder:
            metrics = {"top1": 40.0 + i, "parameters": 0.1 + i, "step_ms": 50.0 + i}
            store.commit(job, folder, Outcome(metrics, [], 1.0))
    return plan, store


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_are_drawn(invented, name, tmp_path):
    plan, store = invented
    out = render(plan, name, store, tmp_path)
    assert image.imread(out / "figure.png").std() > 0.01


def test_a_skipped_cell_is_a_dash_in_every_format(invented):
    plan, store = invented
    paper = plan.tables["table10"]
    numbers = measure(paper, plan.cells["table10"], store)
    assert ("+ MP (m = 0)", "CIFAR-100 Mixup") not in numbers
    assert len(numbers) == 10
    assert all(len(places) in (3, 4) for _, places in panels(paper))
    sheet = build_sheet(paper, numbers, plan.scale, ())
    text = write_markdown(sheet)
    (line,) = [line for line in text.splitlines() if line.startswith("| + MP (m = 0)")]
    assert line.count(f" {EMPTY} ") == 2
    assert write_tex(sheet).count(EMPTY) == 2
    assert write_html(sheet).count(f">{EMPTY}<") == 2
    assert len(write_csv(sheet).splitlines()) == 11


def test_a_column_says_which_way_is_good_and_how_many_decimals(invented):
    plan, store = invented
    paper = plan.tables["table11"]
    numbers = measure(paper, plan.cells["table11"], store)
    several = {at: replace(cell, values=cell.values * 2) for at, cell in numbers.items()}
    leaders = best(paper, several)
    assert ("Mixup", "R-18 params (M)") in leaders
    assert ("l = 4", "R-18") in leaders
    assert not best(paper, numbers), "one run a cell"
    assert numbers["Mixup", "R-18 params (M)"].decimals == 2


def test_a_column_has_its_own_unit(invented):
    plan, store = invented
    paper = plan.tables["table11"]
    numbers = measure(paper, plan.cells["table11"], store)
    lines = csv.DictReader(io.StringIO(write_csv(build_sheet(paper, numbers, plan.scale, ()))))
    units = {line["column"]: line["unit"] for line in lines}
    assert units["R-18"] == "%"
    assert units["R-18 params (M)"] == "M"
    assert units["RX-50 step (ms)"] == "ms"
    assert "(% unless a column says otherwise)" in write_markdown(
        build_sheet(paper, numbers, plan.scale, ())
    )
    # the tolerance is one of accuracies, and says nothing about milliseconds
    close = replace(paper, tolerance=1e9)
    compare = replace(plan.scale, compare=True)
    for column, said in (("R-18", True), ("R-18 step (ms)", False)):
        cell = replace(numbers["Mixup", column], reference=1.0)
        sheet = build_sheet(close, {("Mixup", column): cell}, compare, ())
        (value,) = [v for line in sheet.lines for v in line.values if v.paper]
        assert ("within tolerance" in value.paper) is said


@pytest.mark.parametrize("name", TABLES)
def test_no_size_and_no_time_is_a_percentage(name):
    units = {"parameters": "M", "step_ms": "ms"}
    for column in TABLES[name].columns:
        assert column.unit == units.get(column.metric or "")


def drawn(plan, store, name, compare, monkeypatch):
    """The figure of dots of a table."""
    kept = []
    monkeypatch.setattr(dots, "save", lambda figure, paths: kept.append(figure))
    numbers = measure(plan.tables[name], plan.cells[name], store)
    said = replace(plan.scale, compare=compare)
    dots.dots(Drawing(plan.tables[name], said, numbers, plan.cells[name], store), ())
    return numbers, kept[0]


def marked(axis, marker):
    """Positions of every mark of one kind."""
    found = [line for line in axis.get_lines() if line.get_marker() == marker]
    return [(x, y) for line in found for x, y in zip(*line.get_data(), strict=True)]


@pytest.mark.parametrize("compare", [False, True])
def test_every_run_is_a_dot_and_the_papers_numbers_are_only_where_they_compare(
    invented, compare, monkeypatch
):
    plan, store = invented
    numbers, figure = drawn(plan, store, "msda_table2", compare, monkeypatch)
    paper = plan.tables["msda_table2"]
    labels = [row.label for row in paper.rows]
    for axis, column in zip(figure.axes, paper.columns, strict=False):
        cells = {row: numbers.get((row, column.label)) for row in labels}
        runs = [(v, labels.index(row)) for row, c in cells.items() if c for v in c.values]
        assert axis.get_title() == column.label
        assert sorted(marked(axis, "o")) == sorted(runs)
        assert len(marked(axis, "D")) == (len([c for c in cells.values() if c]) if compare else 0)
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == labels
    assert figure.axes[0].yaxis_inverted()
    assert ("diamond" in figure.get_supxlabel()) is compare


@pytest.mark.parametrize("name", TABLES)
def test_every_declared_picture_has_its_function(name):
    assert callable(load_drawing(TABLES[name].figure))
