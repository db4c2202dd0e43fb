"""Epochs at equal compute: from the median step of all kept runs of a row."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from mixlib.data.catalog import DATASETS
from paper_tables.equal_compute import LEAST, app, equal_compute
from paper_tables.measured_runs import copy_results
from pipelines.execute.outcome import Outcome
from pipelines.execute.result_file import write_result
from pipelines.execute.store import Store
from pipelines.plan.build import plan
from tests.small_sets import imagefolder

STUDY = """study: What does mixing cost?
seeds: 1
datasets:
  equal_compute_images: {path: images, size: 16, title: Sixteen grey squares}
tables:
  equal_alphas:
    rows: {method: [mixup, puzzlemix]}
    columns:
      - {label: low, set: {params: {alpha: 0.2}}}
      - {label: high, set: {params: {alpha: 2.0}}}
      - {label: middle, set: {params: {alpha: 1.0}}}
    fixed: &all {data: equal_compute_images, backbone: resnet18_cifar, recipe: cifar}
  equal_vanilla:
    rows: {method: [vanilla]}
    fixed: *all
"""
TIMES = {"mixup": (11.0, 99.0, 11.0), "puzzlemix": (1.0, 25.0, 40.0), "vanilla": (10.0,)}


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """The folder of the study and that of its kept runs."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "mine"
    imagefolder(folder / "images")
    (folder / "one.yaml").write_text(STUDY)
    found, store = plan("own", folder), Store(tmp_path / "results")
    times = {method: iter(steps) for method, steps in TIMES.items()}
    for name in ("equal_alphas", "equal_vanilla"):
        for job in found.needed(name):
            metrics = {"top1": 50.0, "step_ms": next(times[job.method.name])}
            with store.working(job) as working:
                store.commit(job, working, Outcome(metrics, [], 1.0))
            body = json.loads(store.file(job).read_text())
            body["provenance"]["git"] = {"commit": "a" * 40, "dirty": False}
            write_result(store.file(job), body)
        copy_results(found, name, store, tmp_path / "kept")
    yield folder, tmp_path / "kept"
    DATASETS.pop("equal_compute_images", None)


def run(kept, *words):
    folder, runs = kept
    return CliRunner().invoke(app, [str(folder), *words, "--kept", str(runs)])


def test_a_step_is_the_median_over_all_settings_of_a_row(kept):
    said = run(kept, "Vanilla", "equal_alphas", "equal_vanilla").output
    assert "Vanilla: 1.00 times a step of Vanilla, 30 epochs" in said
    # 1.1 is below what counts
    assert "Mixup: 1.10 times a step of Vanilla, 30 epochs" in said
    assert "PuzzleMix: 2.50 times a step of Vanilla, 12 epochs" in said


def test_a_reference_without_kept_runs_is_named(kept):
    found = run(kept, "Vanilla", "equal_alphas")
    assert "Mixup, PuzzleMix" in str(found.exception)
    assert "'Vanilla'" in str(found.exception)


@given(st.floats(LEAST, 30), st.integers(1, 300))
def test_epochs_times_ratio_is_the_references_but_for_rounding(ratio, epochs):
    cost = equal_compute({"a": 1.0, "b": ratio}, "a", epochs)["b"]
    assert 1 <= cost.epochs <= epochs
    assert cost.epochs == 1 or abs(cost.epochs * ratio - epochs) <= ratio / 2 + 1e-9


@given(st.floats(0.1, LEAST, exclude_max=True))
def test_a_ratio_within_the_scatter_keeps_its_epochs(ratio):
    assert equal_compute({"a": 1.0, "b": ratio}, "a", 30)["b"].epochs == 30
