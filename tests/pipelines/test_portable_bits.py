"""The same bits whatever threads and instruction set a machine's settings ask for."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from pipelines.execute.provenance import ROOT
from pipelines.plan.build import plan
from pipelines.portable_bits import INSTRUCTION_SET, THREADS, pin, pinned
from pipelines.start import start_command

SETTINGS = {
    "one thread": {"OMP_NUM_THREADS": "1"},
    "two threads": {"OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"},
    "four threads, plain kernels": {"OMP_NUM_THREADS": "4", "ATEN_CPU_CAPABILITY": "default"},
    "oneDNN as it likes": {"ONEDNN_MAX_CPU_ISA": "ALL", "MKL_CBWR": "AUTO"},
}


@pytest.mark.skipif(platform.machine() != "x86_64", reason="recorded on x86 with AVX2")
@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_this_machine_gives_the_bits_of_the_reference(setting):
    clean = {k: v for k, v in os.environ.items() if k not in {**INSTRUCTION_SET, **THREADS}}
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.selftest"],
        cwd=ROOT, env={**clean, **setting}, text=True, check=False, capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "gives the bits of the reference" in done.stdout


def test_the_demo_asks_for_them_and_paper_scale_does_not():
    assert plan("demo").scale.portable
    assert not plan("paper").scale.portable
    assert "--portable" in start_command("j.json", 1, 0, 1, portable=True).split()
    assert "--portable" not in start_command("j.json", 1, 0, 1).split()


def test_they_are_fixed_before_torch_is_loaded():
    environment = {"OMP_NUM_THREADS": "4"}
    assert not pinned(environment)
    pin(environment)
    assert pinned(environment)
    code = "import torch; from pipelines.portable_bits import pin; pin()"
    clean = {k: v for k, v in os.environ.items() if k not in {**INSTRUCTION_SET, **THREADS}}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=clean, capture_output=True, text=True
    )
    assert "before torch is loaded" in done.stderr
