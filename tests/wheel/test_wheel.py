"""The wheel: what it holds, what it asks for, and that it runs beside torch, numpy and jaxtyping
alone.

``MIX_BARE_PYTHONS`` names further interpreters (joined by ":"), each of an environment that holds a
torch of its own and nothing else of ours: so the oldest and the newest torch are tried, without
gigabytes of downloads in every run.
"""

from __future__ import annotations

import email
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import mixlib

ROOT = Path(__file__).parents[2]
PYTHONS = [sys.executable, *filter(None, os.environ.get("MIX_BARE_PYTHONS", "").split(":"))]
# what asks for more than the core, and the word of its message
ASKS = {
    "puzzlemix": "scipy",
    "relabel": "torchvision",
    "tokenmix": "timm",
    "transmix": "timm",
    "tla": "timm",
    "mixpro": "timm",
    "smmix": "timm",
    "mergemix": "timm",
    "tokenlabel": "transformer",
    "mixtoken": "transformer",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built by the backend that pyproject.toml names, from a copy of what it takes."""
    tree = tmp_path_factory.mktemp("tree")
    skip = shutil.ignore_patterns("__pycache__")
    for name in ("mixlib", "theory", "pipelines", "downstream", "paper_tables"):
        shutil.copytree(ROOT / name, tree / name, ignore=skip)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree / name)
    code = "from setuptools import build_meta; build_meta.build_wheel('dist')"
    subprocess.run([sys.executable, "-c", code], cwd=tree, check=True, capture_output=True)
    (built,) = (tree / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def target(wheel, tmp_path_factory) -> Path:
    """The wheel installed with no dependencies: of a pure one that is its files."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_it_holds_mixlib_with_theory_inside(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"mixlib"}
    assert "mixlib/py.typed" in names
    sources = {str(p.relative_to(ROOT)) for p in (ROOT / "mixlib").rglob("*.py")}
    assert sources <= set(names)
    theory = {str(p.relative_to(ROOT)) for p in (ROOT / "theory").rglob("*.py")}
    theory = {f"mixlib/{name}" for name in theory if "/notebooks/" not in name}
    found = {name for name in names if name.startswith("mixlib/theory/")}
    assert found == theory - {"mixlib/theory/wheel.py"}


def test_its_theory_runs_and_collides_with_nobody_s(target, tmp_path):
    """Every module, from a folder that has a ``theory`` of its own."""
    (tmp_path / "theory.py").write_text("raise RuntimeError('somebody else has been loaded')")
    paths = [str(tmp_path), str(target), *(p for p in sys.path if "site-packages" in p)]
    code = f"""
import importlib, pkgutil, sys
sys.path[:] = {paths} + [p for p in sys.path if "python3" in p]
import mixlib.theory
assert mixlib.theory.__file__.startswith({str(target)!r}), mixlib.theory.__file__
for found in pkgutil.walk_packages(mixlib.theory.__path__, "mixlib.theory."):
    if not found.name.endswith("__main__"):
        importlib.import_module(found.name)
assert "theory" not in sys.modules
from mixlib.theory.moments.lam import mixup_coefficient
from mixlib.core.lam import Beta
assert abs(mixup_coefficient(Beta(1.0, 1.0)) - 1 / 6) < 1e-12
"""
    run = subprocess.run(
        # no site: an editable install's path is none of it
        [sys.executable, "-S", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]


def test_what_it_says_of_itself(target):
    (info,) = target.glob("*.dist-info")
    said = email.message_from_string((info / "METADATA").read_text())
    assert said["Version"] == mixlib.__version__
    assert said["License-Expression"] == "MIT"
    assert (info / "licenses" / "LICENSE").exists()
    assert "Typing :: Typed" in said.get_all("Classifier")
    needed = [entry for entry in said.get_all("Requires-Dist") if "extra ==" not in entry]
    assert {re.match(r"[\w-]+", entry)[0] for entry in needed} == {"torch", "numpy", "jaxtyping"}
    extras = {"all", "audit", "detection", "pipelines", "theory", "timm", "train"}
    assert set(said.get_all("Provides-Extra")) == extras


def test_all_is_what_the_repository_s_environment_holds():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    others = sorted(set(extras) - {"all"})
    assert extras["all"] == [f"mixlib[{','.join(others)}]"]


@pytest.mark.parametrize("python", PYTHONS)
def test_it_runs_with_torch_numpy_and_jaxtyping(python, target):
    run = subprocess.run(
        [
            *(python, "-I", str(Path(__file__).with_name("bare.py")), str(target)),
            str(ROOT / "docs" / "examples" / "one_call.py"),
        ],
        cwd=target,
        env={"OMP_NUM_THREADS": "1", "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    *printed, last = run.stdout.splitlines()
    assert [line.split()[0] for line in printed] == ["cutmix", "manifoldmix", "automix"]
    said = json.loads(last)
    assert said["mixlib"] == [mixlib.__version__, str(target / "mixlib" / "__init__.py")]
    assert said["hidden"] == []
    failed = {name: what for name, what in said["steps"].items() if what != "ok"}
    print(said["torch"], len(said["steps"]) - len(failed), "of", len(said["steps"]), "methods ran")
    assert failed.keys() == ASKS.keys(), failed
    for name, word in ASKS.items():
        assert word in failed[name]
