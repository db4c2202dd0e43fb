"""The start of a job from what was granted, and the README's commands as dry runs."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipelines.plan.build import plan
from pipelines.start import CORES_PER_GPU, Machine, processes, start_command, visible_devices

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def dry_run(line: str, **environment: str) -> str:
    """What a line of the README would do, with the shell commands."""
    program, *words = shlex.split(line.partition("#")[0])
    assert program == "snakemake"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    clean = {k: v for k, v in os.environ.items() if k not in ("MIX_DATA", "CUDA_VISIBLE_DEVICES")}
    run = subprocess.run(
        [sys.executable, "-m", "snakemake", "-n", "-p", *words],
        cwd=ROOT, env={**clean, "PATH": path, **environment},
        text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-4000:]
    return run.stdout


def commands(text: str) -> list[list[str]]:
    """Shell commands of the jobs proper."""
    lines = [line for line in text.splitlines() if "pipelines.execute" in line]
    return [shlex.split(line.partition("Shell command: ")[2]) for line in lines]


def option(words: list[str], name: str) -> str | None:
    """The value of ``name=value`` or ``name value``."""
    for i, word in enumerate(words):
        if word == name:
            return words[i + 1]
        if word.startswith(f"{name}="):
            return word.partition("=")[2]
    return None


def test_the_readme_s_cluster_line_starts_torchrun_with_workers_on_the_declared_gpus():
    (line,) = re.findall(r"^snakemake --profile profiles/slurm .*$", README, re.M)
    jobs = plan("paper").jobs
    text = dry_run(line)
    found = commands(text)
    assert len(found) == 18 + 36  # six methods, three seeds; each with two detectors
    for words in found:
        (file,) = (word for word in words if word.endswith(".json"))
        job = jobs[Path(file).stem]
        devices = int(words[words.index("pipelines.devices") + 1])
        assert devices == job.shards == 8
        assert option(words, "--workers") == str(CORES_PER_GPU - 1)
        starts = [Path(word).name for word in words]
        if devices > 1:
            assert "torchrun" in starts
            assert option(words, "--nproc-per-node") == str(devices)
            assert "SIGUSR1" in option(words, "--signals-to-handle")
        else:
            assert "torchrun" not in starts
    assert "seed 0, on 8 GPUs" in text


def test_the_profile_asks_slurm_for_them_and_nothing_caps_them():
    slurm, default = (
        yaml.safe_load((ROOT / f"profiles/{name}/config.yaml").read_text())
        for name in ("slurm", "default")
    )
    for profile in (slurm, default):
        assert not {"config", "resources", "set-resources", "set-threads"} & profile.keys()
    assert slurm["retries"] > 0
    assert slurm["slurm-requeue"] is True
    assert any("--signal=TERM@" in entry for entry in slurm["default-resources"])
    assert "nodes=1" in slurm["default-resources"]


def test_a_box_of_four_gpus_shares_the_shards_and_trains_side_by_side():
    line = "snakemake --cores 32 --config scale=paper -- paper_tables/table7 paper_tables/table13"
    jobs = plan("paper").jobs
    for words in commands(dry_run(line, CUDA_VISIBLE_DEVICES="0,1,2,3")):
        (file,) = (word for word in words if word.endswith(".json"))
        devices = int(words[words.index("pipelines.devices") + 1])
        assert devices == (4 if jobs[Path(file).stem].shards == 8 else 1)


def test_every_table_plans_at_paper_scale():
    text = dry_run("snakemake --config scale=paper -- all", CUDA_VISIBLE_DEVICES="")
    done = {Path(option(words, "pipelines.execute")).stem for words in commands(text)}
    assert done == plan("paper").jobs.keys()


@pytest.mark.parametrize(
    ("shards", "most", "expected"), [(1, 8, 1), (8, 8, 8), (8, 7, 4), (8, 3, 2), (6, 4, 3)]
)
def test_a_job_takes_as_many_processes_as_divide_its_shards(shards, most, expected):
    assert processes(shards, most) == expected


def test_a_machine_without_gpus_starts_one_plain_process():
    machine = Machine(visible_devices({}, Path("/nowhere")))
    assert machine.gpus(8) == 0
    assert machine.cores(0) == 1
    words = shlex.split(start_command("j.json", 8, 0, 1))
    assert words[1:3] == ["-m", "pipelines.preloaded"]
    assert words[3:] == ["pipelines.execute", "j.json", "--workers", "0"]


def test_all_devices_are_found_where_none_is_named(tmp_path):
    for name in ("nvidia0", "nvidia10", "nvidia2", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    assert visible_devices({}, tmp_path) == ("0", "2", "10")
    assert visible_devices({"CUDA_VISIBLE_DEVICES": ""}, tmp_path) == ()
