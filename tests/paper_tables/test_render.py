"""Products: the same numbers in every format, and no comparison where none is due."""

from __future__ import annotations

import csv
import io
import json
import shutil
import threading
from dataclasses import replace

import pytest

from paper_tables import render as rendering
from paper_tables.freshness import is_fresh
from paper_tables.measure import best, measure
from paper_tables.render import products, render
from paper_tables.sheet import build_sheet
from paper_tables.writers import write_html, write_markdown, write_tex
from pipelines.declare import scale, table
from pipelines.execute.outcome import Outcome
from pipelines.execute.store import Store
from pipelines.plan import grid

VALUES = {"vanilla": 40.0, "mixup": 42.0, "cutmix": 45.5}


@pytest.fixture(scope="module")
def plan():
    tables = {"table7": table.load_all()["table7"]}
    rows = tuple(r for r in tables["table7"].rows if r.sets["method"] in VALUES)
    tables["table7"] = replace(tables["table7"], rows=rows)
    return grid.plan(tables, replace(scale.load("demo"), seeds=2, seeds_of={}))


@pytest.fixture(scope="module")
def store(plan, tmp_path_factory):
    """Results with known numbers: a method's value, plus the seed, plus one for AP50."""
    kept = Store(tmp_path_factory.mktemp("results"))
    for job in plan.of_kind("detect").values():
        value = VALUES[job.parent.method.name] + job.seed
        metrics = {"AP": value, "AP50": value + 1, "AP75": value + 2}
        with kept.working(job) as folder:
            kept.commit(job, folder, Outcome(metrics, [], 1.0))
    return kept


def test_cells_are_means_with_their_spread(plan, store):
    paper = plan.tables["table7"]
    numbers = measure(paper, plan.cells["table7"], store)
    cell = numbers["Mixup", "VOC mAP"]
    assert cell.values == (43.0, 44.0)
    assert cell.mean == 43.5
    assert cell.spread == pytest.approx(0.5**0.5)
    assert cell.difference == pytest.approx(43.5 - 80.7)
    assert ("CutMix", "COCO mAP") in best(paper, numbers)
    assert ("Vanilla", "COCO mAP") in best(replace(paper, higher_is_better=False), numbers)
    assert len(best(paper, numbers)) == 4


def test_every_product_is_written_and_named(plan, store, tmp_path):
    render(plan, "table7", store, tmp_path)
    for path in products(plan, "table7", tmp_path):
        assert path.stat().st_size > 0, path
    first = (tmp_path / "table7" / "table.md").read_text().splitlines()[0]
    assert first.startswith("Scale demo:")
    assert "n = 2 runs a cell" in first
    assert "shapes" in first
    body = json.loads((tmp_path / "table7" / "provenance.json").read_text())
    assert len(body["results"]) == len(plan.needed("table7"))


def test_the_csv_holds_every_run(plan, store, tmp_path):
    render(plan, "table7", store, tmp_path)
    rows = list(csv.DictReader(io.StringIO((tmp_path / "table7" / "table.csv").read_text())))
    assert len(rows) == 3 * 4
    row = next(r for r in rows if (r["row"], r["column"]) == ("CutMix", "COCO AP75"))
    assert float(row["mean"]) == 48.0
    assert [float(v) for v in row["runs"].split()] == [47.5, 48.5]
    assert row["paper"] == "42"


def test_rendering_twice_gives_the_same_bytes(plan, store, tmp_path):
    first, second = (render(plan, "table7", store, tmp_path / n) for n in ("a", "b"))
    names = ("table.md", "table.csv", "table.tex", "table.html", "figure.svg", "figure.png")
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_a_demo_shows_no_difference_to_the_paper(plan, store):
    paper = plan.tables["table7"]
    numbers = measure(paper, plan.cells["table7"], store)
    demo = write_markdown(build_sheet(paper, numbers, plan.scale, ("shapes",)))
    assert "paper 8" not in demo
    assert "must not be compared" in demo
    compared = write_markdown(
        build_sheet(paper, numbers, replace(plan.scale, compare=True), ("shapes",))
    )
    assert "(paper 80.7, -37.2)" in compared
    assert "must not be compared" not in compared
    close = replace(paper, reference={("Mixup", "VOC mAP"): 43.3})
    near = measure(close, plan.cells["table7"], store)
    text = write_markdown(build_sheet(close, near, replace(plan.scale, compare=True), ("shapes",)))
    assert "(paper 43.3, +0.2, within tolerance)" in text


def test_the_best_of_a_column_is_bold_everywhere(plan, store):
    paper = plan.tables["table7"]
    numbers = measure(paper, plan.cells["table7"], store)
    assert "| CutMix | **47.0 ± 0.7** |" in write_markdown(
        build_sheet(paper, numbers, plan.scale, ())
    )
    assert r"\textbf{47.0 $\pm$ 0.7}" in write_tex(build_sheet(paper, numbers, plan.scale, ()))
    assert "<td class=best>47.0" in write_html(build_sheet(paper, numbers, plan.scale, ()))


def test_a_metric_that_no_result_has_is_named(plan, store):
    cells = tuple(replace(cell, metric="mAP") for cell in plan.cells["table7"])
    with pytest.raises(KeyError, match=r"no metric 'mAP' .* it has AP, AP50, AP75"):
        measure(plan.tables["table7"], cells, store)


def test_an_old_address_does_not_linger(plan, store, tmp_path):
    render(plan, "table7", store, tmp_path)
    stale = tmp_path / "table7" / "cells-0000000000000000.json"
    stale.write_text("{}")
    render(plan, "table7", store, tmp_path)
    assert not stale.exists()


def test_two_scales_rendered_at_once_leave_one_table(plan, store, tmp_path):
    other = replace(plan, scale=replace(plan.scale, name="other", title="other"))
    both = [
        threading.Thread(target=render, args=(one, "table7", store, tmp_path))
        for one in (plan, other)
    ]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    found = list((tmp_path / "table7").glob("cells-*.json"))
    made = {products(one, "table7", tmp_path)[-1]: one for one in (plan, other)}
    assert len(found) == 1
    scale_shown = made[found[0]].scale.name
    assert f"Scale {scale_shown}:" in (tmp_path / "table7" / "table.md").read_text()
    assert is_fresh(found[0], plan.needed("table7"), store)


def test_products_that_somebody_deletes_meanwhile_are_whole_afterwards(
    plan, store, tmp_path, monkeypatch
):
    """As ``dvc repro`` does before it runs a stage."""
    render(plan, "table7", store, tmp_path)
    make = rendering._make

    def deleting(*words):
        made = make(*words)
        shutil.rmtree(tmp_path / "table7")
        return made

    monkeypatch.setattr(rendering, "_make", deleting)
    render(plan, "table7", store, tmp_path)
    files = products(plan, "table7", tmp_path)
    assert all(path.is_file() for path in files)
    assert is_fresh(files[-1], plan.needed("table7"), store)


def test_a_render_that_fails_leaves_the_products_before(plan, store, tmp_path, monkeypatch):
    render(plan, "table7", store, tmp_path)
    before = {path.name: path.read_bytes() for path in (tmp_path / "table7").iterdir()}

    def failing(*words):
        raise OSError("no space left")

    monkeypatch.setattr(rendering, "write_html", failing)
    with pytest.raises(OSError, match="no space"):
        render(plan, "table7", store, tmp_path)
    assert before == {path.name: path.read_bytes() for path in (tmp_path / "table7").iterdir()}
    monkeypatch.undo()
    render(plan, "table7", store, tmp_path)
    assert not list(tmp_path.glob(".*"))
