"""The layers of the pipelines: declarations and data, plans, execution; no circle, late torch."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.declare import scale
from pipelines.execute.executors import executor
from pipelines.plan.kinds import KINDS

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "pipelines").rglob("*.py"))


def module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module(path): path for path in FILES}


def imports(path: Path) -> set[str]:
    """Modules of pipelines that a file imports anywhere, in functions and for types too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found & MODULES.keys()


GRAPH = {name: imports(path) - {name} for name, path in MODULES.items()}
# what a layer may import
BELOW = {
    "declare": {"declare"},
    "data": {"data", "declare", "command_line"},
    "plan": {"plan", "declare", "data"},
    "execute": {"execute", "plan", "declare", "data", "command_line", "portable_bits"},
}


def test_there_is_no_import_circle():
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " > ".join((*way, name))
        if name not in done:
            for other in sorted(GRAPH[name]):
                visit(other, (*way, name))
            done.add(name)

    for name in GRAPH:
        visit(name, ())


@pytest.mark.parametrize("layer", BELOW)
def test_a_layer_imports_only_what_lies_below(layer):
    for name, others in GRAPH.items():
        if name.split(".")[1:2] == [layer]:
            found = {other.split(".")[1] for other in others if "." in other}
            assert found <= BELOW[layer], name


def test_every_kind_has_one_executor_and_one_module_of_each():
    for kind in KINDS:
        assert executor(kind).__module__ == f"pipelines.execute.{kind}"
        assert KINDS[kind].__module__ == f"pipelines.plan.kinds.{kind}"


@pytest.mark.parametrize("name", sorted(set(scale.names()) - {"small"}))
def test_planning_every_table_loads_no_torch(name):
    code = (
        "import sys, pkgutil, importlib, pipelines.plan as p;"
        "found = pkgutil.walk_packages(p.__path__, 'pipelines.plan.');"
        "[importlib.import_module(m.name) for m in found];"
        f"from pipelines.plan.build import plan; assert plan({name!r}).jobs;"
        "sys.exit(bool({'torch', 'matplotlib', 'lightning'} & sys.modules.keys()))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_imports_inside_functions_are_few():
    """Each is a choice: a command that lists jobs or checks a dataset does not load torch."""
    inside = [
        f"{name}: {ast.unparse(node)}"
        for name, path in MODULES.items()
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, (ast.Import, ast.ImportFrom))
    ]
    assert len(inside) <= 6, "\n".join(inside)
