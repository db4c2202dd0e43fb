"""The rules that keep the repository readable, checked."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("mixlib", "theory", "downstream", "pipelines", "paper_tables", "benchmarks")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
NAMES = [str(path.relative_to(ROOT)) for path in SOURCES]
TOP_LEVEL = {
    *("Snakefile", "dvc.yaml", "pipelines", "mixlib", "theory", "downstream", "paper_tables"),
    *("tests", "environment.yml", "README.md", "pyproject.toml", "uv.lock", "Makefile", "profiles"),
    *("benchmarks", "docs", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md"),
}


def tracked() -> list[str]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    run = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return run.stdout.splitlines()


def imported(path: Path, inside_functions: bool = True) -> set[str]:
    """Modules that a file imports; optionally only those imported when it is loaded."""
    tree = ast.parse(path.read_text())
    found = set()
    for node in ast.walk(tree) if inside_functions else _loaded(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return found


def _loaded(tree):
    """Nodes outside functions and ``if TYPE_CHECKING`` blocks."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        yield node
        yield from _loaded(node)


def test_the_top_level_is_what_it_should_be():
    top = {name.split("/")[0] for name in tracked()}
    assert {name for name in top if not name.startswith(".")} <= TOP_LEVEL


@pytest.mark.parametrize("path", SOURCES, ids=NAMES)
def test_files_and_functions_stay_short(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = node.end_lineno - node.lineno + 1
            assert length <= 60, f"{node.name} has {length} lines"


@pytest.mark.parametrize("path", SOURCES, ids=NAMES)
def test_every_module_says_what_it_answers(path):
    assert ast.get_docstring(ast.parse(path.read_text())) or not path.read_text().strip()


def test_there_is_no_drawer():
    drawers = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert not {path.stem for path in SOURCES} & drawers


def test_mixlib_stands_alone():
    for path in (ROOT / "mixlib").rglob("*.py"):
        tops = {name.split(".")[0] for name in imported(path)}
        assert not tops & {"theory", "pipelines", "downstream", "paper_tables"}, path


def test_detectron2_is_imported_in_one_place_and_inside_functions():
    for path in SOURCES:
        late = "downstream/detection" in path.as_posix()
        names = imported(path, inside_functions=not late)
        assert "detectron2" not in {name.split(".")[0] for name in names}, path


GLOBAL_DRAWS = {
    *("np.random.seed", "np.random.rand", "np.random.randn", "np.random.beta"),
    *("np.random.randint", "np.random.permutation", "random.random", "random.seed"),
    *("random.choice", "random.shuffle", "np.random.choice", "np.random.uniform"),
}


@pytest.mark.parametrize(
    "path",
    [path for path in SOURCES if path.relative_to(ROOT).parts[0] in ("mixlib", "theory")],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_nothing_draws_from_a_global_generator(path):
    text = path.read_text()
    draws = ("rand", "randn", "randint", "randperm", "multinomial", "bernoulli", "normal")
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        assert name not in GLOBAL_DRAWS, f"{name} in line {node.lineno}"
        if name.startswith("torch.") and name.removeprefix("torch.") in draws:
            # shared keywords are spelt out in a dict of the same module
            shared = any(word.arg is None for word in node.keywords) and '"generator": rng' in text
            given = {word.arg for word in node.keywords} | ({"generator"} if shared else set())
            assert "generator" in given, f"{name} without a generator in line {node.lineno}"


def test_a_graph_is_built_without_torch():
    code = (
        "import sys; from pipelines.plan.build import plan; plan('demo');"
        "sys.exit('torch' in sys.modules or 'matplotlib' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_importing_mixlib_is_cheap():
    code = "import sys, mixlib, mixlib.catalog.methods; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
