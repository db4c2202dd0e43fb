"""What people type as a target: with a slash at its end, or with a slip in the name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from typer.testing import CliRunner

from pipelines.tables import app

ROOT = Path(__file__).parents[2]


def dry_run(target: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "snakemake", "-n", "--cores", "1", "--", target]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_slash_at_the_end_changes_nothing():
    done = dry_run("paper_tables/fig12/")
    assert done.returncode == 0, done.stderr
    assert "fig12" in done.stdout


def test_an_unknown_target_names_the_nearest_and_the_listing():
    done = dry_run("paper_tables/tabel7")
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert "did you mean 'table7'?" in said
    assert "python -m pipelines.tables" in said


def test_the_index_is_a_target():
    done = dry_run("paper_tables/index.html")
    assert done.returncode == 0, done.stderr


def test_every_table_is_listed(tmp_path):
    result = CliRunner().invoke(app, ["demo", "--results", str(tmp_path)])
    assert result.exit_code == 0
    assert "table7" in result.stdout
    assert "Transfer to object detection" in result.stdout
    assert "0 of 12" in result.stdout
