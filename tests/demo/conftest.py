"""A copy of the repository with the smallest grid, in which the real commands run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SMALLEST = {"train": 64, "val": 40}
BIN = Path(sys.executable).parent


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """Makes a fresh copy of the tracked files whose table7 is vanilla and AutoMix at scale tiny."""

    def copy(name: str) -> World:
        folder = tmp_path_factory.mktemp(name)
        run = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        for line in run.stdout.splitlines():
            if line.startswith(("tests/", "docs/")) or not (ROOT / line).is_file():
                continue
            target = folder / line
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / line, target)
        made = World(folder)
        made.shrink()
        return made

    return copy


class World:
    """One copy: its folder, and the commands a user types there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.product = folder / "paper_tables" / "table7"
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("COV")},
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "OMP_NUM_THREADS": "1",
        }

    def shrink(self) -> None:
        """The declarations of one table with two rows, and a scale of a few steps."""
        for path in (self.folder / "paper_tables").glob("*.yaml"):
            body = yaml.safe_load(path.read_text())
            body["tables"] = {k: v for k, v in body["tables"].items() if k == "table7"}
            if not body["tables"]:
                path.unlink()
                continue
            table = body["tables"]["table7"]
            table["rows"] = {"method": ["vanilla", "automix"]}
            table["reference"] = {k: table["reference"][k] for k in ("Vanilla", "AutoMix")}
            path.write_text(yaml.safe_dump(body, sort_keys=False))
        scale = yaml.safe_load((self.folder / "pipelines/scales/demo.yaml").read_text())
        scale["seeds"] = 1
        for key in ("parts", "seeds_of"):  # of tables that are not declared here
            scale.pop(key)
        for stand_in in scale["data"].values():
            stand_in["spec"] = {**stand_in.get("spec", {}), **SMALLEST}
        scale["kinds"]["train"]["default"] |= {"epochs": 3, "batch": 16}
        scale["kinds"]["detect"]["default"] |= {"iterations": 12, "steps": [8, 10]}
        self.write_scale(scale)

    def read_scale(self) -> dict:
        return yaml.safe_load((self.folder / "pipelines/scales/demo.yaml").read_text())

    def write_scale(self, scale: dict) -> None:
        path = self.folder / "pipelines/scales/demo.yaml"
        path.write_text(yaml.safe_dump(scale, sort_keys=False))

    def start(self, *words: str) -> subprocess.Popen[str]:
        """A command in a process group of its own."""
        return subprocess.Popen(
            words, cwd=self.folder, env=self.environment, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def run(self, *words: str, code: int = 0) -> str:
        """A command to its end; returns what it printed."""
        process = self.start(*words)
        text, _ = process.communicate()  # pytest's time-out ends what takes too long
        assert process.returncode == code, text[-4000:]
        return text

    def results(self) -> set[str]:
        return {path.parent.name for path in (self.folder / "results").glob("*/result.json")}
