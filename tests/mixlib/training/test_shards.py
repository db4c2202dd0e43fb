"""The number of processes changes nothing: parameters, buffers and history are those of the shards,
whatever does them, also when a run goes on with another number."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from lightning.fabric import Fabric

from mixlib.data.shards import own_shards
from mixlib.training.fit import fit
from mixlib.training.shards import Shards, check_batch_norm
from tests.mixlib.training import shards_worker as worker
from tests.mixlib.training.test_fit import RECIPE, Blobs, make

ROOT = Path(__file__).parents[3]
SAME = {"rtol": 1e-6, "atol": 1e-12}


def start(folder: Path, processes: int, stop: int = 0, names: tuple[str, ...] = ()) -> None:
    """Cases (all of the shards') on so many processes; with ``stop``, up to that step."""
    folder.mkdir(exist_ok=True)
    if processes == 1:
        worker.main(folder, stop)
        return
    run = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
            *(f"--nproc-per-node={processes}", "-m", "tests.mixlib.training.shards_worker"),
            *(str(folder), str(stop), *names),
        ],
        cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, text=True,
        capture_output=True, check=False,
    )  # fmt: skip
    # a run that stops leaves the others in an exchange that never ends: the launcher ends them
    assert run.returncode == 0 or stop, run.stderr[-4000:]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    folder = tmp_path_factory.mktemp("alone")
    start(folder, 1)
    return folder


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    start(folder, 2)
    return folder


@pytest.fixture(scope="module")
def stopped_alone(tmp_path_factory):
    """Stopped on one process, ended on two."""
    folder = tmp_path_factory.mktemp("stopped")
    start(folder, 1, stop=4)
    assert len(list(folder.glob("*.checkpoint"))) == len(worker.CASES)
    assert not list(folder.glob("*.pt"))
    start(folder, 2)
    return folder


@pytest.fixture(scope="module")
def from_two_to_one(tmp_path_factory, two):
    """The last checkpoint that two processes wrote, ended on one: nothing is left but the end."""
    folder = tmp_path_factory.mktemp("last")
    for path in two.glob("*.checkpoint"):
        shutil.copy(path, folder)
    start(folder, 1)
    return folder


def assert_same(first: Path, second: Path, name: str) -> None:
    a, b = (torch.load(folder / f"{name}.pt") for folder in (first, second))
    assert a["state"].keys() == b["state"].keys()
    for key, value in a["state"].items():
        torch.testing.assert_close(value, b["state"][key], **SAME, msg=lambda m, k=key: f"{k}: {m}")
    assert len(a["epochs"]) == len(b["epochs"]) == 2
    assert a["images"] == b["images"] == 2 * worker.STEPS * worker.BATCH
    for row, other in zip(a["epochs"], b["epochs"], strict=True):
        assert row.keys() == other.keys()
        assert row == pytest.approx(other, rel=1e-6)


@pytest.mark.parametrize("name", worker.CASES)
def test_two_processes_are_one(alone, two, name):
    assert_same(alone, two, name)


@pytest.mark.parametrize("name", worker.CASES)
def test_a_run_goes_on_with_another_number_of_processes(alone, stopped_alone, name):
    assert_same(alone, stopped_alone, name)


@pytest.mark.parametrize("name", worker.CASES)
def test_what_two_processes_saved_is_that_of_all_shards(alone, from_two_to_one, name):
    assert_same(alone, from_two_to_one, name)


def test_shards_are_another_protocol_than_one_batch(alone, tmp_path):
    """The statistics are those of the parts: otherwise the tests above compare nothing."""
    case = worker.CASES["cutmix"]
    worker.CASES["one"] = (case[0], case[1], replace(case[2], shards=1), 1)
    before, worker.SHARDS = worker.SHARDS, 1
    try:
        worker.main(tmp_path, 0, ("one",))
    finally:
        worker.SHARDS = before
        del worker.CASES["one"]
    a = torch.load(alone / "cutmix.pt")["state"]
    b = torch.load(tmp_path / "one.pt")["state"]
    key = next(key for key in a if key.endswith("running_var"))
    assert not torch.allclose(a[key], b[key], rtol=1e-3)


def test_processes_that_cannot_share_the_shards_are_refused():
    with pytest.raises(ValueError, match=r"8 shards cannot be shared .* 3 processes.*1 or 2 or 4"):
        own_shards(0, 3, 8)
    with pytest.raises(ValueError, match="1 shards cannot be shared"):
        Shards(torch.nn.BatchNorm1d(1), 1, rank=0, world=2)


def test_synchronized_statistics_are_those_of_the_whole_batch(tmp_path):
    worker.main(tmp_path, 0, ("one",))
    start(tmp_path, 2, names=("global",))
    one, both = (torch.load(tmp_path / f"{name}.pt") for name in ("one", "global"))
    assert both["state"].keys() == one["state"].keys()
    for key, value in one["state"].items():
        torch.testing.assert_close(both["state"][key], value, **SAME)
    for ours, theirs in zip(one["epochs"], both["epochs"], strict=True):
        assert theirs == pytest.approx(ours, rel=1e-6)


def test_statistics_of_the_whole_batch_are_refused_where_they_cannot_be_had():
    recipe = replace(RECIPE, shards=4, batch_norm="global")
    fabric = Fabric(accelerator="cpu", devices=1)
    with pytest.raises(ValueError, match=r"needs 4 processes, found 1: .*before it has seen"):
        fit(make("vanilla"), Blobs(), None, recipe, seed=0, fabric=fabric)
    assert check_batch_norm("global", 4, 4)
    assert not check_batch_norm("global", 1, 1)
