"""The package itself: its version is the project's, and types are shipped."""

from __future__ import annotations

import tomllib
from pathlib import Path

import mixlib

ROOT = Path(__file__).parents[2]


def test_the_version_is_the_project_s():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert mixlib.__version__ == project["version"]


def test_types_are_shipped():
    assert (ROOT / "mixlib" / "py.typed").exists()
