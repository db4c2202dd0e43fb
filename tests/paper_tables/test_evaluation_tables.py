"""Tables and figures of the evaluations, from trainings of a few steps to their pages."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from matplotlib import image

from paper_tables.drawings.reliability import bins_of
from paper_tables.render import products, render
from pipelines.declare import scale, table
from pipelines.plan import grid
from tests.paper_tables.computed import computed

TABLES = table.load_all()
ROWS = {
    "table6": ["Vanilla", "AutoMix"],
    "fig8": ["Vanilla", "Mixup"],
    "tokenmix_ade20k": ["DeiT-T CutMix", "DeiT-T TokenMix"],
    "tokenmix_fig3": ["CutMix", "TokenMix"],
    "tokenmix_fig4": ["CutMix", "TokenMix"],
    "tokenmix_fig6": ["TokenMix"],
    # trainings with teachers, and the networks of different methods beside each other
    "tokenmix_teacher": ["NFNet-F6", "Saliency"],
    "tokenmix_supervision": ["CutMix (ImageNet)", "TokenMix (TokenLabeling)"],
    "fig3": ["AutoMix", "Mixup"],
}


def tiny() -> scale.Scale:
    """The demo scale with a few steps on a few images."""
    demo = scale.load("demo")
    kinds = {kind: dict(sections) for kind, sections in demo.kinds.items()}
    few = {"epochs": 2, "batch": 16}
    kinds["train"] = {
        name: {**settings, **few, "warmup_epochs": 0} for name, settings in kinds["train"].items()
    }
    for kind, changes in {
        "robustness": {"corrupted": 10, "attacked": 10, "pgd_steps": 2, "apgd_steps": 2},
        "segment": {"steps": 3, "warmup": 1, "scales": [1.0]},
    }.items():
        kinds[kind] = {"default": {**demo.settings(kind, ""), **changes}}
    data = {
        name: {**found, "spec": {**found.get("spec", {}), "train": 48, "val": 20}}
        for name, found in demo.data.items()
    }
    return replace(demo, seeds=1, seeds_of={}, data=data, kinds=kinds, parts={})


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """The plan of the tables' first rows, with its results."""
    tables = {name: TABLES[name].part("here", {"rows": rows}) for name, rows in ROWS.items()}
    plan = grid.plan(tables, tiny())
    with computed(plan, tmp_path_factory.mktemp("evaluations")) as store:
        yield plan, store


@pytest.mark.parametrize("name", ROWS)
def test_every_product_is_there_and_drawn_again_to_the_byte(done, name, tmp_path):
    plan, store = done
    first, second = (render(plan, name, store, tmp_path / part) for part in "ab")
    for path in products(plan, name, tmp_path / "a"):
        assert path.stat().st_size > 0, path
    for picture in first.glob("*.png"):
        assert picture.read_bytes() == (second / picture.name).read_bytes()
        pixels = image.imread(picture)
        assert len(np.unique(pixels.reshape(-1, pixels.shape[-1]), axis=0)) > 20
        assert max(pixels.shape) < 6000


def test_vanilla_has_no_error_relative_to_itself(done, tmp_path):
    plan, store = done
    out = render(plan, "table6", store, tmp_path)
    vanilla, automix = (
        next(line for line in (out / "table.md").read_text().splitlines() if f"| {row} |" in line)
        for row in ROWS["table6"]
    )
    assert " – |" in vanilla
    assert " – |" not in automix


def test_the_diagram_shows_the_bins_of_the_result(done):
    plan, store = done
    result = store.read(plan.needed("fig8")[0])
    bins = bins_of(result["history"])
    assert 100 * bins.error() == pytest.approx(result["metrics"]["ece"])
    assert len(bins.edges) == 16
    assert bins.counts.sum() == result["metrics"]["n"]


def test_a_teachers_accuracy_stands_beside_its_students(done, tmp_path):
    plan, store = done
    out = render(plan, "tokenmix_teacher", store, tmp_path)
    (cell,) = [c for c in plan.cells["tokenmix_teacher"] if c.metric == "teacher_top1"]
    teacher = store.read(cell.jobs[0].teacher)["metrics"]["top1"]
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["NFNet-F6"]["Teacher Top-1 Acc."] == pytest.approx(teacher)
    assert "Teacher Top-1 Acc." not in metrics["Saliency"]


def test_time_stands_beside_that_of_the_first_row(done, tmp_path):
    plan, store = done
    out = render(plan, "tokenmix_supervision", store, tmp_path)
    metrics = json.loads((out / "metrics.json").read_text())
    steps = [metrics[row]["Step (ms)"] for row in ROWS["tokenmix_supervision"]]
    assert metrics["CutMix (ImageNet)"]["GPU Time"] == 0
    share = 100 * (steps[1] / steps[0] - 1)
    assert metrics["TokenMix (TokenLabeling)"]["GPU Time"] == pytest.approx(share, abs=0.01)


def test_cells_of_one_stand_in_are_one_measurement():
    plan = grid.plan({"tokenmix_ade20k": TABLES["tokenmix_ade20k"]}, scale.load("demo"))
    # CutMix, TokenMix, and TokenMix with two other kinds of labels; one teacher
    assert len(plan.of_kind("segment")) == 4
    assert len(plan.of_kind("train")) == 4 + 1
    assert len({cell.row for cell in plan.cells["tokenmix_ade20k"]}) == 8
