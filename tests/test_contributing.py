"""CONTRIBUTING's whole method, taken literally: one file, and the catalogs know it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
CHECK = """
import doctest, torch, mixlib
from importlib import import_module
from mixlib.catalog.laws import LAWS
images, rng = torch.rand(4, 3, 8, 8), torch.Generator().manual_seed(0)
mixed = mixlib.build("{name}")(images, torch.arange(4), rng)
assert mixed.images.shape == images.shape
assert mixlib.METHODS["{name}"].params_for("default")
assert "{name}" in LAWS
found = doctest.testmod(import_module("mixlib.methods.{name}"))
assert found.attempted and not found.failed, found
"""


def test_a_method_is_one_file(tmp_path):
    (text,) = re.findall(r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.S)
    (name,) = re.findall(
        r"`mixlib\.build\(\"(\w+)\"\)` works", (ROOT / "CONTRIBUTING.md").read_text()
    )
    shutil.copytree(ROOT / "mixlib", tmp_path / "mixlib")
    (tmp_path / "mixlib" / "methods" / f"{name}.py").write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", CHECK.format(name=name)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
