"""The rehearsal: which jobs it does, and that they start, train, are measured and resume."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from mixlib.core.catalog import Catalog
from mixlib.training.recipes import RECIPES
from pipelines.execute.stop_at_checkpoint import asked_to_stop
from pipelines.plan import setting
from pipelines.plan.build import plan
from pipelines.plan.kinds import TrainJob
from pipelines.rehearsal import __main__ as command
from pipelines.rehearsal import attempt, weights
from pipelines.rehearsal.__main__ import Part, choose, rehearse
from pipelines.rehearsal.combinations import (
    classifier,
    combination,
    cost,
    cover,
    distinct,
    runnable,
    sample,
    traits,
)
from pipelines.rehearsal.processes import caught
from pipelines.rehearsal.table import whole

ROOT = Path(__file__).parents[2]
LARGE = {"nfnet_f6"}
"""Networks of hundreds of millions of parameters."""


@pytest.fixture(scope="module")
def every():
    return list(plan("rehearsal").jobs.values())


def test_one_job_of_every_combination_with_its_parents(every):
    jobs = distinct(every)
    done = set()
    for job in jobs:
        assert all(parent.digest in done for parent in job.parents())
        done.add(job.digest)
    assert {combination(job) for job in jobs} == {combination(job) for job in every}
    shared = {each.digest for job in jobs for each in job.closure() if each is not job}
    twice = len(jobs) - len({combination(job) for job in jobs})
    assert twice <= len(shared)


def test_the_covering_part_holds_every_network_recipe_method_layout_and_kind(every):
    part = cover(distinct(every))
    assert set().union(*map(traits, part)) == set().union(*map(traits, every))
    assert len(part) < len(every) / 4
    # the papers' settings, not what stands in for them elsewhere
    paper = list(plan("paper").jobs.values())
    assert {t for t in set().union(*map(traits, paper)) if t[0] != "layout"} == {
        t for t in set().union(*map(traits, part)) if t[0] != "layout"
    }


def test_a_cover_prefers_what_costs_little(every):
    trained = [job for job in every if job.kind == "train"][:40]
    dear = cover(trained, price=lambda job: 1000.0 if job.method.name == "automix" else 1.0)
    needed = {job.digest for job in dear if job.method.name == "automix"}
    only = {t for job in trained if job.method.name != "automix" for t in traits(job)}
    left = {t for job in trained for t in traits(job)} - only
    assert bool(needed) == bool(left)


def test_a_broken_recipe_ends_the_rehearsal(monkeypatch):
    """Batch 100 over 8 shards would be cut to 4 over 2, and is refused before."""
    broken = [replace(r, shards=8) if r.name == "cifar" else r for r in RECIPES.values()]
    monkeypatch.setattr(setting, "RECIPES", Catalog("recipe", broken))
    result = CliRunner().invoke(command.app, ["--list"])
    assert result.exit_code
    assert "batch 100, shards 8" in str(result.exception)


def covering(jobs):
    """The covering part without what rests on the largest networks: `make rehearsal` does it."""
    light = [
        job
        for job in runnable(jobs)[0]
        if not LARGE
        & {trained.backbone.name for each in job.closure() if (trained := classifier(each))}
    ]
    return cover(distinct(light))


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Data and results of the test in a folder of their own, by the code of this checkout."""
    monkeypatch.delenv("MIX_DATA", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "results"


def test_a_failing_job_is_said_with_its_last_lines_and_what_starts_from_it_is_left_out(elsewhere):
    os.chdir(ROOT)
    jobs, _, _ = choose(["fig4"], Part.every)
    os.chdir(elsewhere.parent)
    method = next(job for job in jobs if job.kind == "train")
    # fewer images than a step takes
    broken = method.replace(images=replace(method.images, train_cap=1))
    child = next(job for job in jobs if job.kind == "mixed").replace(parent=broken)
    rows = list(rehearse([broken, child], set(), elsewhere, 1))
    assert [(r.passed, r.started, r.evaluated) for r in rows] == [(False, True, False)]
    assert "training needs at least one full batch of 4" in " ".join(rows[0].failure)
    assert "FAILED" in whole(rows)
    assert attempt.read_row(elsewhere, broken) == rows[0]


@pytest.mark.skipif("MIX_REHEARSAL" not in os.environ, reason="takes minutes: make rehearsal")
@pytest.mark.timeout(1500)
def test_the_covering_part_starts_trains_is_measured_and_resumes(elsewhere):
    """Every network, recipe, method, layout and kind of the papers' tables, DeiT under UPerNet and
    Faster R-CNN among them; the cheap ones are stopped and resumed."""
    os.chdir(ROOT)
    jobs = sorted(covering(plan("rehearsal").jobs.values()), key=cost)
    os.chdir(elsewhere.parent)
    cheap = {j.digest for j in sample(jobs) if cost(j) < 3 and j.kind in ("train", "calibration")}
    rows = list(rehearse(jobs, cheap, elsewhere, 2))
    text = whole(rows)
    print(text)
    assert [r.text for r in rows if not r.passed] == [], text
    assert len(rows) == len(jobs)
    assert all(r.trained is not False and r.seconds > 0 and r.peak > 2**27 for r in rows)
    assert sum(r.resumed is True for r in rows) == len(cheap) >= 4
    # a second call has nothing to do
    again = list(rehearse(jobs, cheap, elsewhere, 2))
    assert {r.digest for r in again} == {r.digest for r in rows}
    assert all(r in rows for r in again)


def test_a_training_is_done_when_its_log_says_the_last_step():
    lines = "2026-01-01 00:00:00 train 1/4  epoch 1  3 s left\n2026-01-01 00:00:03 {}\n"
    assert attempt.trained(lines.format("train 4/4  epoch 2  done"))
    assert not attempt.trained(lines.format("train 3/4  epoch 2  1 s left"))
    assert not attempt.trained("2026-01-01 00:00:00 train resnet18 with mixup on 1/2: 2 epochs\n")


def test_a_job_listens_once_it_has_a_handler_for_both_signals():
    before = signal.signal(signal.SIGUSR1, signal.SIG_DFL)
    try:
        assert not caught(os.getpid(), signal.SIGTERM)
        with asked_to_stop():
            assert caught(os.getpid(), signal.SIGTERM)
            assert caught(os.getpid(), signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_stand_ins_of_published_weights_are_what_the_libraries_load(tmp_path, monkeypatch):
    """torchvision from torch's cache, timm from the hub's; no network is asked."""
    model, version = "resnet18", "a1_in1k"
    weights.write_torchvision(model, "IMAGENET1K_V1", tmp_path)
    weights.write_timm(model, version, tmp_path)
    for name, value in weights.write_published([], tmp_path).items():
        monkeypatch.setenv(name, value)
    code = (
        "import torchvision, timm\n"
        f"a = torchvision.models.get_model({model!r}, weights='IMAGENET1K_V1')\n"
        f"b = timm.create_model('{model}.{version}', pretrained=True)\n"
        "print(float(a.fc.bias.sum()), float(b.fc.bias.sum()))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    files = (*tmp_path.rglob("*.pth"), *tmp_path.rglob("*.bin"))
    found = [float(torch.load(path, weights_only=True)["fc.bias"].sum()) for path in files]
    assert [float(word) for word in run.stdout.split()] == pytest.approx(found)


def test_no_evaluation_of_published_weights_is_stopped():
    jobs = [job for job in plan("rehearsal").jobs.values() if isinstance(job, TrainJob)]
    assert any(not job.recipe.epochs for job in jobs)
    assert all(job.recipe.epochs for job in sample(jobs))
