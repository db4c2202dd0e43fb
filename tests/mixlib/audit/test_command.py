"""The command line and the pytest fixture, on the same mixers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from typer.testing import CliRunner

from mixlib.audit.__main__ import app

ROOT = Path(__file__).parents[3]
FEW = ["--draws", "400", "--batch", "4", "--size", "8", "--wide", "6x12", "--workers", "0"]
PLACE = "tests.mixlib.audit.mixers"


def test_a_clean_audit_exits_with_0_and_writes_its_report(tmp_path) -> None:
    out = tmp_path / "report.md"
    options = ["--kind", "mixup", "--alpha", "1", "--classes", "18", "--out", str(out)]
    result = CliRunner().invoke(app, [f"{PLACE}:Mixer()", *FEW, *options])
    assert result.exit_code == 0, result.output
    assert "| pass | law of lambda |" in out.read_text()
    assert "0 failed" in result.output


def test_a_fault_exits_with_1(tmp_path) -> None:
    out = tmp_path / "report.md"
    options = ["--classes", "18", "--out", str(out)]
    result = CliRunner().invoke(app, [f"{PLACE}:OtherPermutation()", *FEW, *options])
    assert result.exit_code == 1
    assert "label is that of another sample" in out.read_text()


def test_what_cannot_be_run_exits_with_2() -> None:
    result = CliRunner().invoke(app, ["no.such.module:f"])
    assert result.exit_code == 2
    assert "error:" in result.output


def test_the_fixture_fails_a_test_with_what_was_found(tmp_path) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["mixlib.audit.pytest_plugin"]\n')
    (tmp_path / "test_mixing.py").write_text(
        "from mixlib.audit import Effort\n"
        f"from {PLACE} import LabelsExchanged, Mixer\n"
        "FEW = Effort(draws=400, batch=4, size=(8, 8), wide=(6, 12), workers=0)\n"
        "def test_good(audit_mixing):\n"
        "    audit_mixing(Mixer(), kind='mixup', alpha=1.0, effort=FEW, classes=18)\n"
        "def test_bad(audit_mixing):\n"
        "    audit_mixing(LabelsExchanged(), kind='mixup', effort=FEW, classes=18)\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    env = {"PYTHONPATH": str(ROOT), "PATH": "", "OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert "1 failed, 1 passed" in run.stdout, run.stdout + run.stderr
    assert "shares of own and partner are exchanged" in run.stdout
