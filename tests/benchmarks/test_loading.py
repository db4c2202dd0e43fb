"""Throughput of loading against the need of the steps: what is compared is right."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from benchmarks import gpu_steps, loading
from pipelines.cost import Gpu


def test_every_recipe_that_decodes_files_is_measured(tmp_path):
    paths = loading.drawn(tmp_path, 2)
    assert all(30_000 < path.stat().st_size < 250_000 for path in paths)
    speeds = loading.measure(paths, rounds=1)
    assert len(speeds) == 2 + len(loading.RECIPES)
    assert all(value > 0 for value in speeds.values())
    # the same library under both, and another upsampling of the colors at most
    assert loading.apart(paths) <= 8


def test_a_loader_that_is_too_slow_is_named():
    speeds = {f"whole way of {name}": 100.0 for name in loading.RECIPES}
    wanted = {("imagenet_deit", "deit_small"): 699.0, ("imagenet_rsb_a2", "resnet50"): 701.0}
    first, second = loading.table(speeds, wanted, Gpu.a100).splitlines()[2:]
    assert "| 7.0 | yes |" in first
    assert "no: the loader is the limit" in second


def test_steps_and_mixing_run_on_the_cpu():
    words = ["--device", "cpu", "--network", "resnet10_w16", "--batch", "4", "--size", "32"]
    words += ["--rounds", "1", "--each", "1"]
    app = gpu_steps.typer.Typer()
    app.command()(gpu_steps.main)
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    for name in (*gpu_steps.OURS, *gpu_steps.THEIRS, "cutmix, mixing", "timm cutmix, mixing"):
        assert f"| {name} |" in done.output


def test_needs_are_those_of_counted_operations(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(loading, "RECIPES", {"imagenet_pytorch": ("resnet18", "resnet50")})
    found = loading.needs(Gpu.a100, 0.13)
    small, large = (found["imagenet_pytorch", name] for name in ("resnet18", "resnet50"))
    # 1.8 and 4.1 billion products of a forward pass, three times as many of a step
    assert small / large == pytest.approx(4.09 / 1.81, rel=0.1)
    assert large == pytest.approx(156e12 * 0.13 / (3 * 2 * 4.09e9), rel=0.1)
