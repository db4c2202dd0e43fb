"""GPUs handed out on one machine: no two jobs hold one, and an ended job holds none."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipelines.devices import TooFewDevicesError, granted, take

ROOT = Path(__file__).parents[2]
# says what it holds, when it began and when it ended
JOB = """import os, time
began = time.time()
time.sleep(0.5)
print(os.environ["CUDA_VISIBLE_DEVICES"], began, time.time())
"""
LONG = "import time; print(1, flush=True); time.sleep(600)"


def start(folder, count, *command, devices="0,1", **more):
    environment = {**os.environ, "TMPDIR": str(folder), "CUDA_VISIBLE_DEVICES": devices, **more}
    if "SLURM_JOB_ID" not in more:
        environment.pop("SLURM_JOB_ID", None)
    return subprocess.Popen(
        [sys.executable, "-m", "pipelines.devices", str(count), "--", *command],
        cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def test_jobs_side_by_side_share_no_device(tmp_path):
    jobs = [start(tmp_path, n, sys.executable, "-c", JOB) for n in (1, 2, 1, 1, 2)]
    held = []
    for job in jobs:
        out, errors = job.communicate(timeout=120)
        assert job.returncode == 0, errors
        names, began, ended = out.split()
        held.append((set(names.split(",")), float(began), float(ended)))
    assert sorted(len(names) for names, _, _ in held) == [1, 1, 1, 2, 2]
    for i, (names, began, ended) in enumerate(held):
        for other, first, last in held[:i]:
            assert not names & other or ended <= first or last <= began


def test_a_killed_job_frees_its_device(tmp_path):
    job = start(
        tmp_path,
        1,
        sys.executable,
        "-c",
        "import time; print(1, flush=True); time.sleep(600)",
        devices="7",
    )
    assert job.stdout.readline() == "1\n"
    with pytest.raises(BlockingIOError):
        _try(tmp_path)
    job.send_signal(signal.SIGKILL)
    job.communicate()
    _try(tmp_path)


def _try(folder):
    import fcntl

    with (folder / f"mixlib-gpus-{os.getuid()}" / "gpu-7").open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_the_process_is_the_command_and_its_exit_code_is_kept(tmp_path):
    code = "import os, sys; sys.exit(os.environ['OMP_NUM_THREADS'] == '1' and 75)"
    job = start(tmp_path, 1, sys.executable, "-c", code, OMP_NUM_THREADS="64")
    job.communicate(timeout=60)
    assert job.returncode == 75


def test_too_few_devices_are_refused_and_slurm_s_are_taken_as_granted(tmp_path):
    with pytest.raises(TooFewDevicesError, match=r"expected 3 GPUs, found 2 \(0, 1\)"):
        take(3, ["0", "1"], tmp_path)
    with pytest.raises(TooFewDevicesError, match="expected 2 GPUs of the scheduler, found 1"):
        granted(2, ["0"])
    command = [sys.executable, "-c", "import os; print(os.environ['CUDA_VISIBLE_DEVICES'])"]
    # two jobs of one node: SLURM keeps them apart, and no lock does
    began = time.monotonic()
    jobs = [start(tmp_path, 1, *command, SLURM_JOB_ID="5", devices="3") for _ in range(2)]
    assert [job.communicate(timeout=60)[0] for job in jobs] == ["3\n", "3\n"]
    assert not (tmp_path / f"mixlib-gpus-{os.getuid()}").exists()
    assert time.monotonic() - began < 60
