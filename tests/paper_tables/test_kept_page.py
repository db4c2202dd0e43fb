"""The page of a study from its kept runs: without its data, whole or in part, always the same."""

from __future__ import annotations

import json
import shutil

import pytest

from mixlib.data.catalog import DATASETS
from paper_tables.kept_page import page
from paper_tables.measured_runs import copy_results, runs_of_study
from paper_tables.sheet import build_sheet
from paper_tables.writers import write_metrics
from pipelines.declare.table import load_all
from pipelines.execute.outcome import Outcome
from pipelines.execute.result_file import write_result
from pipelines.execute.store import Store
from pipelines.plan.build import plan
from tests.small_sets import imagefolder

STUDY = """study: Which mixing helps?
seeds: 2
datasets:
  kept_page_images: {path: images, size: 16, title: Sixteen grey squares}
tables:
  kept_compare:
    title: Three methods
    rows: {method: [vanilla, mixup, cutmix]}
    fixed: {data: kept_page_images, backbone: resnet18_cifar, recipe: cifar}
    figure: paired_differences
    paired: {with: [Vanilla]}
"""


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A study whose six runs are kept and whose images are gone: (folder, kept)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MIX_DATA", raising=False)
    folder = tmp_path / "mine"
    imagefolder(folder / "images")
    (folder / "one.yaml").write_text(STUDY)
    found, store = plan("own", folder), Store(tmp_path / "results")
    for i, job in enumerate(found.needed("kept_compare")):
        with store.working(job) as working:
            store.commit(job, working, Outcome({"top1": 50.0 + i}, [], 1800.0))
        body = json.loads(store.file(job).read_text())
        body["provenance"]["git"] = {"commit": "a" * 40, "dirty": False}
        write_result(store.file(job), body)
    kept = tmp_path / "kept"
    copy_results(found, "kept_compare", store, kept)
    shutil.rmtree(folder / "images")
    yield folder.relative_to(tmp_path), kept
    DATASETS.pop("kept_page_images", None)


def write(study, tmp_path):
    folder, kept = study
    pictures = tmp_path / "docs" / "images"
    pictures.mkdir(parents=True, exist_ok=True)
    return page(folder, kept, pictures, tmp_path / "docs")


def test_every_cell_and_what_was_compared_is_on_the_page(study, tmp_path):
    text = write(study, tmp_path)
    assert text.startswith("# Which mixing helps?\n")
    assert "\n## Three methods (%)\n\nWhich mixing helps? Data: Sixteen grey squares; n = 2" in text
    assert "3 of 3 cells have their 2 runs; 3.0 hours of training." in text
    assert "Against Vanilla, by seed" in text
    assert "Sixteen grey squares" in text
    assert "![Three methods](images/kept_compare.png)" in text
    assert (tmp_path / "docs/images/kept_compare.png").stat().st_size > 5000
    assert write(study, tmp_path) == text


def test_means_of_a_study_are_metrics_too(study):
    folder, kept = study
    runs = runs_of_study(load_all(folder)["kept_compare"], kept)
    sheet = build_sheet(runs.table, runs.numbers, runs.scale, ())
    means = json.loads(write_metrics(sheet))
    assert means.keys() == {"Vanilla", "Mixup", "CutMix"}
    assert means["Vanilla"] == {"Top-1": 50.5}


def test_a_cell_without_all_of_its_runs_is_a_dash(study, tmp_path):
    _, kept = study
    next(iter(sorted((kept / "kept_compare").glob("*.json")))).unlink()
    text = write(study, tmp_path)
    assert "2 of 3 cells have their 2 runs" in text
    assert "| – |" in text
    assert "![" not in text


def test_methods_are_compared_when_all_of_them_are_there(study, tmp_path):
    _, kept = study
    next(iter(sorted((kept / "kept_compare").glob("*.json")))).unlink()
    text = write(study, tmp_path)
    assert "comparisons are made when every cell has its runs" in text
    assert "by seed" not in text


def test_what_its_authors_say_stands_first(study, tmp_path):
    folder, _ = study
    (folder / "about.md").write_text("\nMixup was *not* the best.\n\n")
    text = write(study, tmp_path)
    head = text.partition("## Three methods")[0]
    assert head.endswith(f"kept_page {folder}`.\n\nMixup was *not* the best.\n\n")


def test_without_runs_the_page_says_so(study, tmp_path):
    folder, _ = study
    assert "No run is kept yet." in page(folder, tmp_path / "nothing", tmp_path, tmp_path)
