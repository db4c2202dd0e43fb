"""AutoMix inside DistributedDataParallel: two processes do what one does with the whole batch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.mixlib.methods.automix.ddp_worker import train

ROOT = Path(__file__).parents[4]


@pytest.mark.parametrize("preset", ["paper", "lean"])
def test_two_processes_are_one(tmp_path, preset):
    outs = [tmp_path / f"{rank}.pt" for rank in range(2)]
    command = [sys.executable, "-m", "tests.mixlib.methods.automix.ddp_worker"]
    started = [
        subprocess.Popen(
            [*command, str(rank), "2", str(tmp_path / "meet"), preset, str(out)],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank, out in enumerate(outs)
    ]
    for process in started:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    first, second = (torch.load(out) for out in outs)
    alone = train(0, 1, preset)
    together = (first["losses"] + second["losses"]) / 2
    torch.testing.assert_close(together, alone["losses"], atol=1e-5, rtol=1e-5)
    for name, part in alone["state"].items():
        assert torch.equal(first["state"][name], second["state"][name]), name
        torch.testing.assert_close(first["state"][name], part, atol=2e-5, rtol=1e-4)
