"""environment.yml says the same as pyproject.toml and uv.lock."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCK = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
PIP = next(entry["pip"] for entry in CONDA if isinstance(entry, dict))


def name(requirement: str) -> str:
    return re.match(r"[A-Za-z0-9_.-]+", requirement)[0].lower().replace("_", "-")


def test_every_pin_is_a_locked_version():
    locked = {(package["name"], package["version"]) for package in LOCK}
    pins = [tuple(entry.split("==")) for entry in PIP[:-1]]
    assert set(pins) <= locked


def test_every_requirement_is_there_and_the_project_comes_last():
    project = PROJECT["project"]
    extras = [entry for extra in project["optional-dependencies"].values() for entry in extra]
    wanted = project["dependencies"] + extras + PROJECT["dependency-groups"]["dev"]
    pinned = {name(entry) for entry in PIP[:-1]}
    assert {name(entry) for entry in wanted} - {"mixlib"} <= pinned
    assert PIP[-1] == "-e ."


def test_conda_brings_python_and_pip_only():
    plain = [entry for entry in CONDA if isinstance(entry, str)]
    assert plain == ["python=3.11.*", "pip"]
    assert PROJECT["project"]["requires-python"] == ">=3.11"
