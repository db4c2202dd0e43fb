"""docs/your-own.md, done literally: files are written, commands run, outputs compared."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "your-own.md"
# a fenced block, and the name of the file that the line before it ends with, if it does
BLOCK = re.compile(r"(?:`([\w./-]+)`:\n\n)?```(\w+)\n(.*?)```", re.S)
PARTS = ("Snakefile", "profiles", "mixlib", "theory", "downstream", "pipelines", "paper_tables")


@pytest.fixture(scope="module")
def done(tmp_path_factory, mix_data):
    """(folder, [(output of the commands of a block, the block of output that follows)])."""
    folder = tmp_path_factory.mktemp("fresh")
    for name in PARTS:
        (folder / name).symlink_to(ROOT / name)
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "MIX_DATA": str(mix_data),
        "OMP_NUM_THREADS": "1",
        "COLUMNS": "200",
    }
    said: list[tuple[str, str]] = []
    for name, kind, text in BLOCK.findall(PAGE.read_text()):
        if name:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text)
        elif kind == "bash":
            run = subprocess.run(
                ["bash", "-ec", text], cwd=folder, env=environment, text=True, check=False,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
            assert run.returncode == 0, f"{text}\n{run.stdout[-4000:]}"
            said.append((run.stdout, ""))
        elif kind == "text":
            said[-1] = (said[-1][0], text)
    return folder, said


pytestmark = [pytest.mark.demo, pytest.mark.data, pytest.mark.timeout(1800)]


def test_the_outputs_are_those_of_the_page(done):
    compared = 0
    for output, expected in done[1]:
        flat = " ".join(output.split())
        for line in expected.splitlines():
            assert " ".join(line.split()) in flat, output
            compared += 1
    assert compared >= 5


def test_the_table_has_mean_interval_and_count_and_claims_nothing(done):
    folder, said = done
    text = (folder / "my-study/compare/table.md").read_text()
    assert "Which mixing helps on my images? Data: my five classes; n = 2 runs a cell." in text
    assert "95 % confidence interval" in text
    assert "Reproduces" not in text
    assert "the paper's:" not in text
    rows = list(csv.DictReader((folder / "my-study/compare/table.csv").open()))
    assert [row["row"] for row in rows] == ["Vanilla", "CutMix", "LeftRight"]
    for row in rows:
        one, two = map(float, row["runs"].split())
        # Student's t with one degree of freedom at 97.5 %
        assert float(row["ci95"]) == pytest.approx(12.7062 * abs(one - two) / 2, rel=1e-4, abs=1e-5)
    assert "my-study/compare: 6 of 6 runs, 3 of 3 cells" in said[1][0]
