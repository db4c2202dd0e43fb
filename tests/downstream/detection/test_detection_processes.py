"""The number of processes changes nothing of a detector, and neither does computing activations
again."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from downstream.detection.batches import training_batches
from downstream.detection.c4 import C4Detector
from downstream.detection.processes import Processes
from mixlib.counting.activations import Activations
from mixlib.models.recompute import recomputed
from mixlib.seed import generator
from tests.downstream.detection import processes_worker as worker
from tests.downstream.detection.detection_data import drawn_records
from tests.downstream.detection.detection_resnets import tiny_bottleneck

ROOT = Path(__file__).parents[3]
SAME = {"rtol": 1e-6, "atol": 1e-9}


def start(folder: Path, count: int) -> None:
    """Both cases on so many processes."""
    run = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
            *(f"--nproc-per-node={count}", "-m", "tests.downstream.detection.processes_worker"),
            str(folder),
        ],
        cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, text=True,
        capture_output=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-4000:]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """On one process, on two, and on one that computes activations again."""
    made = {name: tmp_path_factory.mktemp(name) for name in ("one", "two", "again")}
    try:
        worker.main(made["one"])
        worker.main(made["again"], recompute=True)
    finally:
        torch.set_default_dtype(torch.float32)
    start(made["two"], 2)
    return made


@pytest.mark.parametrize("other", ["two", "again"])
@pytest.mark.parametrize("name", worker.CASES)
def test_parameters_statistics_losses_and_detections_are_the_same(runs, name, other):
    first, second = (torch.load(runs[folder] / f"{name}.pt") for folder in ("one", other))
    start = C4Detector(
        worker.tiny_basic(8), len(drawn_records().classes), worker.CASES[name],
        generator(0, "layers"),
    )  # fmt: skip
    moved = 0.0
    for key, value in first["state"].items():
        torch.testing.assert_close(second["state"][key], value, **SAME)
        moved += float((value - start.state_dict()[key]).abs().sum())
    assert moved > 0.1
    for a, b in zip(first["log"], second["log"], strict=True):
        assert b == pytest.approx(a, rel=1e-6)
    assert len(first["scores"]) == 5
    for a, b in zip(first["scores"], second["scores"], strict=True):
        torch.testing.assert_close(b, a, rtol=1e-5, atol=1e-9)


def test_a_shard_with_frozen_norms_is_a_batch_of_its_own():
    settings = replace(worker.CASES["frozen"], iterations=4)
    records, shapes = drawn_records(12), []
    for shards in (1, 4):
        own = replace(settings, shards=shards)
        batches = training_batches(records, own, seed=0, start=0, device=worker.CPU, workers=0)
        shapes.append([tuple(batch.images.shape) for batch in batches])
    whole, parts = shapes
    assert [shape[0] for shape in whole] == [8] * 4
    assert [shape[0] for shape in parts] == [2] * 16
    # padded for itself
    assert len({shape[2:] for shape in parts}) > 1


def test_shards_with_trained_norms_are_padded_alike():
    settings = replace(worker.CASES["synchronized"], iterations=2)
    given = {"seed": 0, "start": 0, "device": worker.CPU, "workers": 0}
    alone, *pair = (
        list(training_batches(drawn_records(12), settings, processes=p, **given))
        for p in (Processes(), Processes(0, 2), Processes(1, 2))
    )
    for whole, *halves in zip(alone, *pair, strict=True):
        assert torch.equal(torch.cat([half.images for half in halves]), whole.images)
        assert torch.equal(torch.cat([half.sizes for half in halves]), whole.sizes)


def test_processes_that_cannot_share_the_shards_are_refused():
    with pytest.raises(ValueError, match="4 shards cannot be shared evenly among 3 processes"):
        Processes(0, 3).passes(worker.SETTINGS)
    with pytest.raises(ValueError, match="batch must be a multiple of its shards"):
        replace(worker.SETTINGS, shards=3)


def test_computing_again_keeps_less_and_gives_the_same_gradients():
    """Bytes saved for the backward pass of one block, and its gradients to the bit."""
    block = tiny_bottleneck(8).layer2[0].train()
    x = torch.randn(2, block.conv1.in_channels, 32, 32, generator=torch.Generator().manual_seed(0))
    start, found = {k: v.clone() for k, v in block.state_dict().items()}, []
    for run in (block, partial(recomputed, block)):
        block.load_state_dict(start)
        block.zero_grad()
        with Activations([x, *block.parameters(), *block.buffers()]) as kept:
            out = run(x)
        out.square().sum().backward()
        grads = [p.grad.clone() for p in block.parameters()]
        found.append((kept.peak, grads, {k: v.clone() for k, v in block.state_dict().items()}))
    (whole, first, seen), (less, second, again) = found
    assert less < whole / 4
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert all(torch.equal(value, again[key]) for key, value in seen.items())
